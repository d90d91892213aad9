import EventLog
import KeyValueStore
import LogEvents
import ProjectionEngine
import ReadModel

/// What an accepted event changes in its room's current state.
enum StateChanges {
    /// One entry with its new holder.
    struct Entry {
        let type: String
        let stateKey: String
        /// The event that holds the entry now; 0 when it is gone.
        let holder: LogPosition
        /// Whether the recorded event itself is the holder.
        let isOwn: Bool
    }

    /// A member whose event in force changed.
    struct Member {
        let userID: String
        let membership: StoredMembership
        /// 0 when the entry is gone.
        let position: LogPosition
        let profileJSON: [UInt8]
    }

    static func changesState(_ pdu: DecodedPDU) -> Bool {
        pdu.isInTimeline && ((pdu.setsOwnEntry && pdu.stateKey != nil) || !pdu.stateDelta.isEmpty)
    }

    /// The changed entries in the order of the record: the event's own first.
    static func entries(
        _ pdu: DecodedPDU, at position: LogPosition, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws -> [Entry] {
        guard changesState(pdu) else { return [] }
        var entries: [Entry] = []
        let original = try batch.original(of: pdu, at: position, transaction)
        let own = original == LogPosition.none ? position : original
        if pdu.setsOwnEntry, let stateKey = pdu.stateKey {
            entries.append(Entry(type: pdu.type, stateKey: stateKey, holder: own, isOwn: true))
        }
        entries.reserveCapacity(pdu.stateDelta.count + 1)
        for change in pdu.stateDelta {
            guard let eventID = change.eventID else {
                entries.append(Entry(type: change.type, stateKey: change.stateKey, holder: .none, isOwn: false))
                continue
            }
            let isOwn = eventID.hasSameBytes(as: pdu.eventID)
            let holder = isOwn ? own : try batch.firstPosition(of: eventID, before: position, transaction)
            guard holder != LogPosition.none else { throw StateFault.unknownEvent(eventID) }
            entries.append(Entry(type: change.type, stateKey: change.stateKey, holder: holder, isOwn: isOwn))
        }
        return entries
    }

    /// The changed members.
    static func members(
        _ pdu: DecodedPDU, at position: LogPosition, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws -> [Member] {
        // Most events are no state at all, and most state is no member.
        guard changesState(pdu), pdu.isMember || !pdu.stateDelta.isEmpty else { return [] }
        var members: [Member] = []
        for entry in try entries(pdu, at: position, transaction, batch)
        where entry.type.hasSameBytes(as: "m.room.member") {
            if entry.isOwn {
                guard pdu.isMember else { continue }
                members.append(
                    Member(
                        userID: entry.stateKey, membership: pdu.membership, position: entry.holder,
                        profileJSON: pdu.memberProfileJSON))
            } else if entry.holder == LogPosition.none {
                members.append(
                    Member(userID: entry.stateKey, membership: .none, position: .none, profileJSON: Array("{}".utf8)))
            } else {
                guard let row = try transaction.eventRow(batch.tables, entry.holder) else {
                    throw BatchFault.missingRow(entry.holder)
                }
                members.append(
                    Member(
                        userID: entry.stateKey, membership: row.membership, position: entry.holder,
                        profileJSON: MemberProfile.json(clientJSON: row.clientJSON)))
            }
        }
        return members
    }
}
