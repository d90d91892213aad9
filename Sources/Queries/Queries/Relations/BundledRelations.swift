import CanonicalJSON
import EventLog
import KeyValueStore
import ReadModel

/// What the server says of an event's children: `m.relations` in `unsigned` ("Aggregations of child events").
struct BundledRelations {
    private let snapshot: Snapshot
    private let user: UserNum
    private let ignored: Set<UserNum>
    /// Whether a room has any relations at all, as far as it was asked.
    private let known = KnownRooms()

    private final class KnownRooms {
        var hasRelations: [RoomNum: Bool] = [:]
    }

    /// The newest edits that are considered; behind so many, the winner is not looked for.
    private static let mostEdits = 64
    private static let mostReferences = 64

    init(_ snapshot: Snapshot, asker user: UserNum) throws {
        self.init(snapshot, asker: user, ignored: try SyncContext.ignored(snapshot, by: user))
    }

    init(_ snapshot: Snapshot, asker user: UserNum, ignored: Set<UserNum>) {
        self.snapshot = snapshot
        self.user = user
        self.ignored = ignored
    }

    /// What was found for one event.
    struct Found {
        var replacement: LogPosition?
        var thread: (row: ThreadRow, latest: LogPosition, count: UInt32, hasTakenPart: Bool)?
        var references: [LogPosition] = []

        var isEmpty: Bool { replacement == nil && thread == nil && references.isEmpty }
    }

    /// - Parameter onlyReplacement: for an event that stands in the aggregation of another.
    func find(_ event: EventRow, onlyReplacement: Bool) throws -> Found {
        var found = Found()
        // "State events do not currently receive bundled aggregations." A redacted event has nothing to add to.
        guard !event.isState, !event.flags.contains(.redacted), try hasRelations(event.room) else { return found }
        let target = RelationTarget(
            room: event.room, eventID: ClientEventSlices.text(ClientEventSlices(event.clientJSON).eventID))
        found.replacement = try replacement(of: event, target)
        if onlyReplacement { return found }
        found.thread = try thread(of: event, target)
        try forEachChild(target, .reference, limit: Self.mostReferences) { row in
            found.references.append(row.position)
            return true
        }
        return found
    }

    private func hasRelations(_ room: RoomNum) throws -> Bool {
        if let answer = known.hasRelations[room] { return answer }
        var answer = false
        try snapshot.forEach(snapshot.tables[.relationsByTarget], prefix: ViewKeys.room(room), limit: 1) { _, _ in
            answer = true
            return false
        }
        known.hasRelations[room] = answer
        return answer
    }

    /// Children of one kind, newest first, without those of ignored users.
    private func forEachChild(
        _ target: RelationTarget, _ kind: RelationKind, limit: Int, _ body: (RelationRow) throws -> Bool
    ) throws {
        try snapshot.forEach(
            snapshot.tables[.relationsByTarget], prefix: RelationRow.prefix(target, kind), reversed: true, limit: limit
        ) { key, value in
            let row = try RelationRow(key: key, value: value)
            return ignored.contains(row.sender) ? true : try body(row)
        }
    }

    /// "the most recent replacement event … by comparing `origin_server_ts` (the largest wins) and, if equal, the
    /// lexicographically largest `event_id`", of those that are valid.
    private func replacement(of event: EventRow, _ target: RelationTarget) throws -> LogPosition? {
        let original = ClientEventSlices(event.clientJSON)
        var best: (position: LogPosition, timestamp: Int64, eventID: String)?
        var isEdit: Bool?
        try forEachChild(target, .replacement, limit: Self.mostEdits) { row in
            // "The original event and replacement event must have the same sender", "… the same type", "neither … can have
            // a state_key", "The original event must not, itself, have a rel_type of m.replace".
            if isEdit == nil { isEdit = Self.isEdit(event, original) }
            guard isEdit == false, row.sender == event.sender,
                let candidate = try snapshot.eventRow(snapshot.tables, row.position), !candidate.isState
            else { return true }
            let slices = ClientEventSlices(candidate.clientJSON)
            guard slices.type.elementsEqual(original.type) else { return true }
            // "The replacement event (once decrypted, if appropriate) must have an m.new_content property."
            let isEncrypted = slices.type.elementsEqual("m.room.encrypted".utf8)
            guard isEncrypted || slices.parsedContent?["m.new_content"]?.objectValue != nil else { return true }
            let eventID = ClientEventSlices.text(slices.eventID)
            if let held = best {
                let isNewer =
                    candidate.originServerTS > held.timestamp
                    || candidate.originServerTS == held.timestamp
                        && held.eventID.utf8.lexicographicallyPrecedes(eventID.utf8)
                guard isNewer else { return true }
            }
            best = (row.position, candidate.originServerTS, eventID)
            return true
        }
        return best?.position
    }

    private static func isEdit(_ event: EventRow, _ slices: ClientEventSlices) -> Bool {
        guard event.flags.contains(.relates) else { return false }
        return slices.parsedContent?["m.relates_to"]?["rel_type"]?.stringValue == "m.replace"
    }

    /// "Events from ignored users do not appear in the aggregation".
    private func thread(
        of root: EventRow, _ target: RelationTarget
    ) throws -> (row: ThreadRow, latest: LogPosition, count: UInt32, hasTakenPart: Bool)? {
        let row = try snapshot.get(snapshot.tables[.threadsRows], target.key) { try ThreadRow(reading: $0) }
        guard let row else { return nil }
        var count = row.count
        for user in ignored { count = count &- UInt32(clamping: try events(of: user, in: target)) }
        var latest = row.latest
        if !ignored.isEmpty {
            latest = .none
            try forEachChild(target, .thread, limit: 4096) { child in
                latest = child.position
                return false
            }
        }
        guard count > 0, !latest.isNone else { return nil }
        let hasTakenPart = try root.sender == user || events(of: user, in: target) > 0
        return (row, latest, count, hasTakenPart)
    }

    private func events(of user: UserNum, in target: RelationTarget) throws -> UInt64 {
        let key = ThreadRow.participant(target, user)
        return try snapshot.get(snapshot.tables[.threadsParticipants], key) { $0.number(at: 0) ?? 0 } ?? 0
    }
}
