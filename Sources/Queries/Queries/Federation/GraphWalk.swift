import EventLog
import KeyValueStore
import MatrixEvents
import MatrixIdentifiers
import ReadModel

/// A walk over a room's graph, from events to those before them. What has no place in the graph ends it.
struct GraphWalk {
    /// An event on the way.
    struct Stop {
        let event: EventRow
        let position: LogPosition
    }

    private let snapshot: Snapshot
    private let room: RoomNum
    private let reader: PDUReader
    private var seen: Set<EventID> = []
    /// A heap: the deepest of those that were found and not visited is at its top.
    private(set) var waiting: [Stop] = []

    init(_ snapshot: Snapshot, room: RoomNum, reader: PDUReader) {
        self.snapshot = snapshot
        self.room = room
        self.reader = reader
    }

    var isEmpty: Bool { waiting.isEmpty }

    /// Never visits an event.
    mutating func ignore(_ eventID: EventID) { seen.insert(eventID) }

    /// Where an event stands in the graph of the room; nil for one that is not known there.
    func place(of eventID: EventID) throws -> Stop? {
        guard let position = try snapshot.eventPosition(snapshot.tables, eventID.rawValue) else { return nil }
        let event = try snapshot.event(at: position)
        return event.room == room && !event.flags.contains(.outlier) ? Stop(event: event, position: position) : nil
    }

    /// Notes an event to visit, the first time that it is met.
    mutating func add(_ eventID: EventID) throws {
        guard seen.insert(eventID).inserted, let stop = try place(of: eventID) else { return }
        push(stop)
    }

    mutating func addPredecessors(of position: LogPosition) throws {
        for eventID in try reader.pdu(at: position)?.prevEvents ?? [] { try add(eventID) }
    }

    /// The `prev_events` that were not met before.
    mutating func newPredecessors(of position: LogPosition) throws -> [Stop] {
        var found: [Stop] = []
        for eventID in try reader.pdu(at: position)?.prevEvents ?? [] where seen.insert(eventID).inserted {
            if let stop = try place(of: eventID) { found.append(stop) }
        }
        return found
    }

    /// The order of a room: by depth, then as the events came.
    static func isDeeper(_ left: Stop, _ right: Stop) -> Bool {
        left.event.depth != right.event.depth ? left.event.depth > right.event.depth : left.position > right.position
    }

    // MARK: Heap

    private mutating func push(_ stop: Stop) {
        waiting.append(stop)
        var child = waiting.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard Self.isDeeper(waiting[child], waiting[parent]) else { return }
            waiting.swapAt(child, parent)
            child = parent
        }
    }

    mutating func popDeepest() -> Stop? {
        guard let top = waiting.first, let last = waiting.popLast() else { return nil }
        if waiting.isEmpty { return top }
        waiting[0] = last
        var parent = 0
        while true {
            var deepest = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < waiting.count {
                if Self.isDeeper(waiting[child], waiting[deepest]) { deepest = child }
            }
            if deepest == parent { return top }
            waiting.swapAt(parent, deepest)
            parent = deepest
        }
    }
}
