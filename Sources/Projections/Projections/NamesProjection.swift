package import KeyValueStore
import LogEvents
package import ProjectionEngine
package import ReadModel

/// Gives rooms, users and entries of state the short numbers that all other keys are made of.
///
/// It goes first and names whatever a record mentions, so that numbers depend on the log alone and not on which other
/// projections are built.
package struct NamesProjection: Projection {
    package let name = "names"
    package let version: UInt32 = 2
    package let tables: [ViewTable] = [.namesByHash, .namesByNumber]

    package init() {}

    package func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        switch record.fact {
        case .none, .erasure, .epochOpened, .registrationTokenSet, .aliasRemoved, .reportFiled, .serverKeysLearned:
            return
        case .pdu(let pdu): try apply(pdu, transaction, batch)
        case .accountRegistered(let fact): try batch.intern(.user, fact.userID, transaction)
        case .outsideMembership(let outside):
            try batch.intern(.user, outside.fact.userID, transaction)
            try apply(outside.pdu, transaction, batch)
        case .guestUpgraded(let fact): try batch.intern(.user, fact.userID, transaction)
        case .delayedEvent(let fact): try batch.intern(.user, fact.userID, transaction)
        case .passwordChanged(let fact): try batch.intern(.user, fact.userID, transaction)
        case .accountDeactivated(let fact): try batch.intern(.user, fact.userID, transaction)
        case .accountFlagsChanged(let fact): try batch.intern(.user, fact.userID, transaction)
        case .deviceRegistered(let fact): try batch.intern(.user, fact.userID, transaction)
        case .tokensRefreshed(let fact): try batch.intern(.user, fact.userID, transaction)
        case .deviceRenamed(let fact): try batch.intern(.user, fact.userID, transaction)
        case .devicesRemoved(let fact): try batch.intern(.user, fact.userID, transaction)
        case .devicesSeen(let sightings):
            for sighting in sightings { try batch.intern(.user, sighting.userID, transaction) }
        case .profileFieldSet(let fact): try batch.intern(.user, fact.userID, transaction)
        case .filterCreated(let fact): try batch.intern(.user, fact.userID, transaction)
        case .pushRuleChanged(let fact): try batch.intern(.user, fact.userID, transaction)
        case .pusherSet(let fact): try batch.intern(.user, fact.userID, transaction)
        case .pusherRemoved(let fact): try batch.intern(.user, fact.userID, transaction)
        case .accountDataSet(let fact):
            try batch.intern(.user, fact.userID, transaction)
            if let roomID = fact.roomID { try batch.intern(.room, roomID, transaction) }
        case .receiptRecorded(let fact):
            try batch.intern(.user, fact.userID, transaction)
            try batch.intern(.room, fact.roomID, transaction)
        case .roomForgotten(let fact):
            try batch.intern(.user, fact.userID, transaction)
            try batch.intern(.room, fact.roomID, transaction)
        case .aliasCreated(let fact): try batch.intern(.room, fact.roomID, transaction)
        case .directoryVisibilitySet(let fact): try batch.intern(.room, fact.roomID, transaction)
        // Whoever uploads has an account, and so a number.
        case .media: return
        case .keys(let fact):
            for user in fact.users { try batch.intern(.user, user, transaction) }
        case .federation(let fact):
            for user in fact.users { try batch.intern(.user, user, transaction) }
        }
    }

    private func apply(
        _ pdu: DecodedPDU, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        try batch.intern(.room, pdu.roomID, transaction)
        try batch.intern(.user, pdu.sender, transaction)
        if let stateKey = pdu.stateKey {
            try batch.internSlot(type: pdu.type, stateKey: stateKey, transaction)
            if pdu.isMember { try batch.intern(.user, stateKey, transaction) }
        }
        let changes = pdu.stateBefore.map { pdu.stateDelta + $0.delta } ?? pdu.stateDelta
        for change in changes {
            try batch.internSlot(type: change.type, stateKey: change.stateKey, transaction)
            if change.type.hasSameBytes(as: "m.room.member") {
                try batch.intern(.user, change.stateKey, transaction)
            }
        }
    }
}
