import Decisions
import EventLog
package import InboundPDU
import LogEvents
import MatrixEvents
package import MatrixIdentifiers
package import RoomVersions
import Synchronization

extension RoomCommands {
    /// What adopting a room, or recording outliers, came to.
    package struct Recorded: Sendable, Hashable {
        /// Events that were recorded without their place.
        package var outlierCount = 0
        /// Events that were no state events, or rest on others that nobody has.
        package var droppedCount = 0

        package init(outlierCount: Int = 0, droppedCount: Int = 0) {
            self.outlierCount = outlierCount
            self.droppedCount = droppedCount
        }
    }

    /// Records a room whose beginning lies elsewhere, from the answer to `send_join`: its state and what that rests on, and the
    /// join, in one commit.
    ///
    /// - Parameters:
    ///   - version: the room version that was agreed on by `make_join`.
    ///   - origin: the server that gave the answer, for the record.
    /// - Returns: when all of it is durable and readable.
    /// - Throws: `AdoptionFault` for an answer that makes no room; `AppendFault`.
    @discardableResult
    package func adopt(
        _ adoption: RoomAdoption, room: RoomID, version: RoomVersion, from origin: ServerName, requestID: String
    ) async throws -> Recorded {
        let join = adoption.join
        let caller = Caller(userID: join.held.pdu.sender, deviceID: nil, requestID: "\(origin) \(requestID)")
        let recorded = Mutex(Recorded())
        _ = try await lanes.perform(in: room, caller: caller, versionOfNew: version) { [self] head in
            guard head.isSettled else { throw NeedsSettledRoom() }
            guard head.version == version else { throw AdoptionFault.wrongVersion }
            let decided = try withGraph(of: room) { graph in
                try requireSame(head, as: graph)
                if try graph?.hasPlace(join.eventID) == true { throw AdoptionFault.alreadyKnown(join.eventID) }
                return try adoption.decide(on: &head, current: graph?.currentEntries() ?? [:]) { eventID in
                    try graph.flatMap { try Self.judged(eventID, in: $0) }
                }
            }
            recorded.withLock {
                $0 = Recorded(outlierCount: decided.facts.count - 1, droppedCount: decided.droppedCount)
            }
            return RoomLane.Outcome(facts: decided.facts, eventID: join.eventID)
        }
        return recorded.withLock { $0 }
    }

    /// Records state events without their place: those of a state that a server gave, and of its auth chain.
    ///
    /// - Returns: when all of it is durable and readable. What was known before is passed over.
    @discardableResult
    package func recordOutliers(
        _ events: [ReceivedPDU], room: RoomID, version: RoomVersion, from origin: ServerName, requestID: String
    ) async throws -> Recorded {
        guard let first = events.first else { return Recorded() }
        guard events.count <= RoomAdoption.mostEvents else { throw AdoptionFault.tooManyEvents }
        let caller = Caller(userID: first.held.pdu.sender, deviceID: nil, requestID: "\(origin) \(requestID)")
        let recorded = Mutex(Recorded())
        _ = try await lanes.perform(in: room, caller: caller) { [self] head in
            guard head.isSettled else { throw NeedsSettledRoom() }
            guard head.version == version else { throw AdoptionFault.wrongVersion }
            let create = try head.held("m.room.create", "")
            let judged = try withGraph(of: room) { graph in
                try requireSame(head, as: graph)
                return try OutlierJudge(room: room, version: version) { eventID in
                    try graph.flatMap { try Self.judged(eventID, in: $0) }
                }.judge(events, create: create)
            }
            head.streamVersion += UInt64(judged.facts.count)
            recorded.withLock {
                $0 = Recorded(outlierCount: judged.facts.count, droppedCount: judged.droppedCount)
            }
            return RoomLane.Outcome(facts: judged.facts, eventID: first.eventID)
        }
        return recorded.withLock { $0 }
    }

    private static func judged(_ eventID: EventID, in graph: ViewRoomGraph) throws -> OutlierJudge.Judged? {
        guard let standing = try graph.standing(of: eventID), let held = try graph.held(eventID) else { return nil }
        return OutlierJudge.Judged(event: held, isRejected: standing.verdict == .rejected)
    }
}
