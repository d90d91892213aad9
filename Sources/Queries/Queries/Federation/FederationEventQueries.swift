import CanonicalJSON
package import EventLog
import KeyValueStore
import MatrixEvents
package import MatrixIdentifiers
package import ReadModel

/// Events one by one and in stretches of the graph, as other servers ask for them.
///
/// What the room's history visibility keeps from a server it is given as a redaction would leave it: the graph stays whole.
package struct FederationEventQueries: Sendable {
    private let views: Views
    private let reader: PDUReader
    private let admission: ServerAdmission
    /// The most events of one answer to `/backfill`.
    package static let largestPage = 100
    /// The most events of one answer to `/get_missing_events`.
    package static let mostMissing = 50
    /// The most events that one answer looks at, those among it that it does not show.
    private static let longestWalk = 1000

    package init(views: Views, log: any EventLog, admission: ServerAdmission) {
        self.views = views
        self.admission = admission
        reader = PDUReader(log: log)
    }

    // MARK: GET /event/{eventId}

    /// One event as canonical JSON.
    ///
    /// - Throws: ``QueryRefusal``: 404 for an event that is not known, 403 for one of a room that the server is not in and
    ///   whose history it may not see.
    package func event(_ eventID: EventID, for server: ServerName) throws -> [UInt8] {
        try views.snapshot { snapshot in
            guard let position = try snapshot.eventPosition(snapshot.tables, eventID.rawValue) else {
                throw QueryRefusal.unknownEvent
            }
            let event = try snapshot.event(at: position)
            // "If an event is rejected it should neither be relayed to clients nor …": it is no part of the room.
            guard !event.flags.contains(.rejected) else { throw QueryRefusal.unknownEvent }
            var admitted = try admission.admit(server, to: try snapshot.roomID(event.room), snapshot)
            try admitted.sight.requireSight(of: event, at: position)
            let view = try admitted.sight.view(of: event, at: position)
            guard let bytes = try reader.bytes(at: PDUReader.Place(event, at: position, view: view)) else {
                throw QueryRefusal.unknownEvent
            }
            return bytes
        }
    }

    // MARK: GET /backfill/{roomId}

    /// "Starting from the PDU ID(s) given in the `v` argument, the PDUs given in `v` and the PDUs that preceded them are
    /// retrieved, up to the total number given by the `limit`": the deepest first.
    package func backfill(
        _ room: RoomID, from starts: [EventID], limit: Int, for server: ServerName
    ) throws -> [[UInt8]] {
        try views.snapshot { snapshot in
            var admitted = try admission.admit(server, to: room, snapshot)
            var walk = GraphWalk(snapshot, room: admitted.room, reader: reader)
            for start in starts { try walk.add(start) }
            guard !walk.isEmpty else { throw QueryRefusal.unknownEvent }
            if !admitted.sight.isInRoom {
                let isAllowed = try walk.waiting.contains { try admitted.sight.isVisible($0.event, at: $0.position) }
                guard isAllowed else { throw QueryRefusal.serverNotInRoom }
            }
            var answer: [[UInt8]] = []
            var walked = 0
            while answer.count < min(limit, Self.largestPage), walked < Self.longestWalk, let next = walk.popDeepest() {
                walked += 1
                try walk.addPredecessors(of: next.position)
                // A soft-failed event is here "only if the requests include events referencing" it, as any other.
                if next.event.flags.contains(.rejected) { continue }
                if let bytes = try bytes(next, &admitted.sight) { answer.append(bytes) }
            }
            return answer
        }
    }

    // MARK: POST /get_missing_events/{roomId}

    /// What `/get_missing_events` was asked for.
    package struct MissingRequest: Sendable {
        package var latest: [EventID]
        package var earliest: [EventID]
        package var limit: Int
        package var minDepth: Int64

        package init(latest: [EventID], earliest: [EventID], limit: Int, minDepth: Int64) {
            self.latest = latest
            self.earliest = earliest
            self.limit = limit
            self.minDepth = minDepth
        }
    }

    /// "a breadth-first walk of the `prev_events` for the `latest_events`, ignoring any events in `earliest_events` and
    /// stopping at the `limit`": the oldest first.
    package func missingEvents(
        _ request: MissingRequest, in room: RoomID, for server: ServerName
    ) throws -> [[UInt8]] {
        try views.snapshot { snapshot in
            var admitted = try admission.admit(server, to: room, snapshot)
            var walk = GraphWalk(snapshot, room: admitted.room, reader: reader)
            for eventID in request.earliest + request.latest { walk.ignore(eventID) }
            var found: [GraphWalk.Stop] = []
            let limit = min(request.limit, Self.mostMissing)
            var queue = try request.latest.compactMap { try walk.place(of: $0) }[...]
            if !admitted.sight.isInRoom {
                let isAllowed = try queue.contains { try admitted.sight.isVisible($0.event, at: $0.position) }
                guard isAllowed else { throw QueryRefusal.serverNotInRoom }
            }
            var walked = 0
            while let next = queue.popFirst(), found.count < limit, walked < Self.longestWalk {
                walked += 1
                for stop in try walk.newPredecessors(of: next.position) where stop.event.depth >= request.minDepth {
                    queue.append(stop)
                    if !stop.event.flags.contains(.rejected), found.count < limit { found.append(stop) }
                }
            }
            found.sort { GraphWalk.isDeeper($1, $0) }
            return try found.compactMap { try bytes($0, &admitted.sight) }
        }
    }

    private func bytes(_ stop: GraphWalk.Stop, _ sight: inout ServerSight) throws -> [UInt8]? {
        let view = try sight.view(of: stop.event, at: stop.position)
        return try reader.bytes(at: PDUReader.Place(stop.event, at: stop.position, view: view))
    }

    // MARK: GET /timestamp_to_event/{roomId}

    /// "Get the ID of the event closest to the given timestamp, in the direction specified by the `dir` parameter."
    package func event(
        closestTo timestampMs: Int64, backwards: Bool, in room: RoomID, for server: ServerName
    ) throws -> (eventID: String, timestampMs: Int64) {
        try views.snapshot { snapshot in
            var admitted = try admission.admit(server, to: room, snapshot)
            if !admitted.sight.isInRoom {
                guard try RoomSight.isWorldReadable(snapshot, admitted.room) else {
                    throw QueryRefusal.serverNotInRoom
                }
            }
            let found = try snapshot.timelineEvent(
                closestTo: timestampMs, backwards: backwards, in: admitted.room, upTo: snapshot.newest
            ) { try admitted.sight.isVisible($0, at: $1) }
            guard let found else {
                throw QueryRefusal.notFound(
                    "Unable to find event from \(timestampMs) in \(backwards ? "backward" : "forward") direction")
            }
            return (try snapshot.event(at: found.position).eventID(), found.timestampMs)
        }
    }
}
