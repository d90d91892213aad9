import EventLog
import KeyValueStore
import MatrixEvents
import MatrixIdentifiers
import ReadModel

/// The events that allow others, and those that allow them, down to the create event; the auth index knows it without PDUs.
struct AuthChain {
    private let snapshot: Snapshot
    private let room: RoomNum
    private var seen: Set<LogPosition> = []
    private var waiting: [LogPosition] = []

    init(_ snapshot: Snapshot, room: RoomNum) {
        self.snapshot = snapshot
        self.room = room
    }

    /// Where the events of the chain were recorded first, in log order, in which each stands behind those that allow it.
    var positions: [LogPosition] { seen.sorted() }

    /// Adds the chain of a state event, without the event itself.
    mutating func add(chainOf position: LogPosition) throws {
        try addAuthEvents(of: position)
        while let next = waiting.popLast() { try addAuthEvents(of: next) }
    }

    /// Adds an event of the chain, which other events name, and its chain.
    mutating func add(_ pdu: PDU) throws {
        for eventID in pdu.authEvents {
            guard let position = try snapshot.firstEventPosition(snapshot.tables, eventID.rawValue) else { continue }
            if seen.insert(position).inserted { waiting.append(position) }
        }
        while let next = waiting.popLast() { try addAuthEvents(of: next) }
    }

    /// The place of the first record of an event: chains name events by it.
    func original(of position: LogPosition) throws -> LogPosition {
        let original = try snapshot.authRow(snapshot.tables, room, position)?.original ?? .none
        return original.isNone ? position : original
    }

    private mutating func addAuthEvents(of position: LogPosition) throws {
        guard var row = try snapshot.authRow(snapshot.tables, room, position) else { return }
        if !row.original.isNone {
            guard let first = try snapshot.authRow(snapshot.tables, room, row.original) else { return }
            row = first
        }
        for event in row.authEvents where seen.insert(event).inserted { waiting.append(event) }
    }
}
