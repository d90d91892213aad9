import Decisions
import EventLog
package import InboundPDU
import LogEvents
import MatrixEvents
package import MatrixIdentifiers

extension RoomCommands {
    /// So many events of the past are taken at a time.
    package static let mostBackfilled = 1000

    /// What came of events of a room's past.
    package struct Backfilled: Sendable, Hashable {
        /// Recorded now, the oldest first.
        package var recorded: [EventID] = []
        /// Recorded before, with their place.
        package var known: [EventID] = []
        /// Not recorded: the state before them is not known without these events, or without being given.
        package var missing: [EventID: [EventID]] = [:]
        /// Not recorded: nothing known follows them, or they follow each other in a circle, or are said to have a state that
        /// is none.
        package var dropped: [EventID] = []
    }

    /// Records events that precede what is known: into the timeline's past, at their depth.
    ///
    /// Each is recorded by itself, the oldest first, so that the state after it is there for the next. What is left undone by a
    /// crash is still missing, and can be asked for again.
    ///
    /// - Parameter stateBefore: for events whose `prev_events` are not to be had, the events that hold the state before them;
    ///   those must be known.
    package func backfill(
        _ events: [ReceivedPDU], stateBefore: [EventID: [EventID]], room: RoomID, from origin: ServerName,
        requestID: String, pipeline: ReceiptPipeline
    ) async throws -> Backfilled {
        var byID: [EventID: ReceivedPDU] = [:]
        for event in events.prefix(Self.mostBackfilled) { byID[event.eventID] = event }
        var result = Backfilled()
        let (order, followers) = try withGraph(of: room) { graph in
            guard let graph else { throw RoomHeadLoader.UnknownRoom(roomID: room) }
            return try Self.connected(byID, in: graph, &result)
        }
        let placed = Set(order)
        result.dropped = byID.keys.filter { !placed.contains($0) && !result.known.contains($0) }.sorted {
            $0.rawValue.utf8.lexicographicallyPrecedes($1.rawValue.utf8)
        }
        for eventID in order {
            guard let event = byID[eventID] else { continue }
            let past = PastPlace(isBackfilled: true, stateBefore: stateBefore[eventID], followers: followers)
            do {
                let outcome = try await receive(
                    event, room: room, from: origin, requestID: requestID, pipeline: pipeline, past: past)
                switch outcome {
                case .recorded(_, let wasKnown):
                    if wasKnown { result.known.append(eventID) } else { result.recorded.append(eventID) }
                case .missing(let previous, let auth): result.missing[eventID] = previous + auth
                }
            } catch is DroppedPDU {
                result.dropped.append(eventID)
            }
        }
        return result
    }

    /// The events that lead to what is known, each after those of them that it follows; and what is known that follows any.
    private static func connected(
        _ events: [EventID: ReceivedPDU], in graph: ViewRoomGraph, _ result: inout Backfilled
    ) throws -> (order: [EventID], followers: [EventID]) {
        var followers: Set<EventID> = []
        var waiting: [EventID] = []
        for (eventID, event) in events {
            if try graph.hasPlace(eventID) {
                result.known.append(eventID)
                continue
            }
            let found = try graph.followers(ofMissing: event.eventID)
            if found.isEmpty { continue }
            followers.formUnion(found)
            waiting.append(eventID)
        }
        var connected: Set<EventID> = Set(waiting)
        while let eventID = waiting.popLast() {
            for previous in events[eventID]?.pdu.prevEvents ?? []
            where events[previous] != nil && !result.known.contains(previous) && connected.insert(previous).inserted {
                waiting.append(previous)
            }
        }
        // By depth, and of those that claim the same by id: then each behind all that it follows.
        let byDepth = connected.sorted { left, right in
            let (one, other) = (events[left]?.pdu.depth ?? 0, events[right]?.pdu.depth ?? 0)
            return one != other ? one < other : left.rawValue.utf8.lexicographicallyPrecedes(right.rawValue.utf8)
        }
        var order: [EventID] = []
        var done: Set<EventID> = []
        var left = byDepth
        while !left.isEmpty {
            let ready = left.filter { eventID in
                events[eventID]?.pdu.prevEvents.allSatisfy { !connected.contains($0) || done.contains($0) } ?? false
            }
            // A circle.
            if ready.isEmpty { break }
            order += ready
            done.formUnion(ready)
            left.removeAll { done.contains($0) }
        }
        return (order, followers.sorted { $0.rawValue.utf8.lexicographicallyPrecedes($1.rawValue.utf8) })
    }
}
