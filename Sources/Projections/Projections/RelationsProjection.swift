import CanonicalJSON
import EventLog
package import KeyValueStore
package import ProjectionEngine
package import ReadModel

/// Keeps which events relate to which, and what threads there are.
///
/// "when a child event is redacted then the relationship is broken. Therefore, the server needs to de-aggregate or
/// disassociate the event once the relationship is lost."
package struct RelationsProjection: Projection {
    package let name = "relations"
    package let version: UInt32 = 1
    package let tables: [ViewTable] = [
        .relationsByTarget, .relationsByChild, .threadsRows, .threadsOrder, .threadsParticipants,
    ]

    package init() {}

    package func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        switch record.fact {
        case .pdu(let pdu):
            guard pdu.isInTimeline else { return }
            if pdu.flags.contains(.relates), pdu.stateKey == nil, let relation = Self.relation(of: pdu) {
                try add(relation, of: pdu, at: record.position, transaction, batch)
            }
            if let redacts = pdu.redacts {
                let target = try batch.position(of: redacts, before: record.position, transaction)
                if target != LogPosition.none { try remove(target, transaction, batch) }
            }
        case .erasure(let targets):
            for target in targets { try remove(target, transaction, batch) }
        default: return
        }
    }

    // MARK: Adding

    private struct Relation {
        let relType: String
        let parentID: String
    }

    /// "relationships … missing properties required by the schema" are none.
    private static func relation(of pdu: DecodedPDU) -> Relation? {
        guard let event = try? JSONObject.parse(pdu.clientJSON + [UInt8(ascii: "}")]),
            let relatesTo = event["content"]?["m.relates_to"],
            let relType = relatesTo["rel_type"]?.stringValue, let parentID = relatesTo["event_id"]?.stringValue,
            !relType.isEmpty, relType.utf8.count <= 255, parentID.utf8.count <= 255
        else { return nil }
        return Relation(relType: relType, parentID: parentID)
    }

    private func add(
        _ relation: Relation, of pdu: DecodedPDU, at position: LogPosition, _ transaction: borrowing WriteTransaction,
        _ batch: BatchContext
    ) throws {
        let (room, sender) = try batch.numbers(of: pdu, transaction)
        let target = RelationTarget(room: room, eventID: relation.parentID)
        let kind = RelationKind(text: relation.relType)
        let row = RelationRow(
            position: position, kind: kind, sender: sender, relType: relation.relType, eventType: pdu.type)
        try transaction.put(
            batch.tables[.relationsByTarget], RelationRow.key(target, kind, position), row.encoded())
        try transaction.put(
            batch.tables[.relationsByChild], ViewKeys.event(position),
            RelationPlace(target: target, kind: kind, sender: sender).encoded())
        guard kind == .thread else { return }
        let old = try threadRow(target, transaction, batch)
        if let old { try transaction.delete(batch.tables[.threadsOrder], ThreadRow.order(room, old.latest)) }
        let thread = ThreadRow(
            count: (old?.count ?? 0) &+ 1, latest: max(position, old?.latest ?? .none), rootID: relation.parentID)
        try put(thread, target, transaction, batch)
        try count(sender, in: target, by: 1, transaction, batch)
    }

    private func threadRow(
        _ target: RelationTarget, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws -> ThreadRow? {
        try transaction.get(batch.tables[.threadsRows], target.key) { try ThreadRow(reading: $0) }
    }

    private func put(
        _ thread: ThreadRow, _ target: RelationTarget, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        try transaction.put(batch.tables[.threadsRows], target.key, thread.encoded())
        try transaction.put(
            batch.tables[.threadsOrder], ThreadRow.order(target.room, thread.latest), target.key)
    }

    private func count(
        _ user: UserNum, in target: RelationTarget, by change: Int64, _ transaction: borrowing WriteTransaction,
        _ batch: BatchContext
    ) throws {
        let key = ThreadRow.participant(target, user)
        let table = batch.tables[.threadsParticipants]
        let old = try transaction.get(table, key) { bytes -> Int64 in
            var input = ByteReader(bytes)
            return try input.readInt64()
        }
        let new = (old ?? 0) &+ change
        if new > 0 {
            try transaction.put(table, key, StoreKey(UInt64(new)))
        } else {
            try transaction.delete(table, key)
        }
    }

    // MARK: Removing

    private func remove(
        _ child: LogPosition, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        let place = try transaction.get(batch.tables[.relationsByChild], ViewKeys.event(child)) {
            try RelationPlace(reading: $0)
        }
        guard let place else { return }
        try transaction.delete(batch.tables[.relationsByChild], ViewKeys.event(child))
        try transaction.delete(
            batch.tables[.relationsByTarget], RelationRow.key(place.target, place.kind, child))
        guard place.kind == .thread, let old = try threadRow(place.target, transaction, batch) else { return }
        try transaction.delete(batch.tables[.threadsOrder], ThreadRow.order(place.target.room, old.latest))
        try count(place.sender, in: place.target, by: -1, transaction, batch)
        var latest = LogPosition.none
        try transaction.forEach(
            batch.tables[.relationsByTarget], prefix: RelationRow.prefix(place.target, .thread), reversed: true,
            limit: 1
        ) { key, value in
            latest = try RelationRow(key: key, value: value).position
            return false
        }
        if latest == LogPosition.none {
            try transaction.delete(batch.tables[.threadsRows], place.target.key)
        } else {
            let thread = ThreadRow(count: old.count &- 1, latest: latest, rootID: old.rootID)
            try put(thread, place.target, transaction, batch)
        }
    }
}
