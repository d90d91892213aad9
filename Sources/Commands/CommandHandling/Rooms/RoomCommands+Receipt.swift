package import CanonicalJSON
import Decisions
import EventLog
package import InboundPDU
package import LogEvents
import MatrixEvents
package import MatrixIdentifiers
package import RoomVersions
import Synchronization

/// What came of a PDU that was received.
package enum ReceiptResult: Sendable, Hashable {
    /// It was recorded with this verdict, now or before.
    case recorded(PDURecorded.Verdict, wasKnown: Bool)
    /// Nothing was recorded: these events must be had first.
    case missing(previous: [EventID], auth: [EventID])
}

extension RoomCommands {
    /// Judges a PDU from another server and records it through the room's lane.
    ///
    /// - Parameters:
    ///   - version: the room's version, when nothing of the room is recorded yet; otherwise it must be the same.
    ///   - origin: the server that sent it, for the record.
    ///   - stateBefore: the events that hold the state before it, as a server says, for when what it follows is not to be
    ///     had. Those that were not known must have been recorded by ``recordOutliers(_:room:version:from:requestID:)``.
    ///   - isPassedOn: whether the event came here first, so that this server tells the others of the room; the promise is
    ///     in the log with the event.
    /// - Returns: when the record is durable and readable.
    /// - Throws: `DroppedPDU`; `AppendFault`.
    package func receive(
        _ object: JSONObject, room: RoomID, version: RoomVersion, from origin: ServerName, requestID: String,
        isPassedOn: Bool = false, pipeline: ReceiptPipeline, stateBefore: [EventID]? = nil
    ) async throws -> ReceiptResult {
        try await receive(
            try pipeline.prepare(object, room: room, version: version), room: room, from: origin,
            requestID: requestID, isPassedOn: isPassedOn, pipeline: pipeline, past: PastPlace(stateBefore: stateBefore))
    }

    /// The same for an event that has passed the checks that look at nothing but itself.
    package func receive(
        _ received: ReceivedPDU, room: RoomID, from origin: ServerName, requestID: String, isPassedOn: Bool = false,
        pipeline: ReceiptPipeline, past: PastPlace = PastPlace()
    ) async throws -> ReceiptResult {
        let caller = Caller(userID: received.held.pdu.sender, deviceID: nil, requestID: "\(origin) \(requestID)")
        let found = Found()
        _ = try await lanes.perform(in: room, caller: caller, versionOfNew: received.version) { [self] head in
            let outcome = try withGraph(of: room) { graph in
                if head.isSettled { try requireSame(head, as: graph) }
                return try pipeline.judge(received, on: &head, graph: graph, past: past)
            }
            switch outcome {
            case .judged(let fact):
                found.result.withLock { $0 = .recorded(fact.verdict, wasKnown: false) }
                var outcome = RoomLane.Outcome(facts: [fact], eventID: received.eventID)
                if isPassedOn, fact.verdict == .accepted {
                    let promise = RelayPromised(eventID: fact.eventID, origin: origin.rawValue)
                    outcome.others = [
                        promise.record(stream: .none, actor: caller.userID.rawValue, cause: caller.requestID)
                    ]
                }
                return outcome
            case .known(let standing):
                found.result.withLock { $0 = .recorded(standing.verdict, wasKnown: true) }
            case .missing(let previous, let auth):
                found.result.withLock { $0 = .missing(previous: previous, auth: auth) }
            }
            return RoomLane.Outcome(facts: [], eventID: received.eventID)
        }
        guard let result = found.result.withLock({ $0 }) else { throw NeedsSettledRoom() }
        let type = received.held.pdu.type
        if case .recorded(.accepted, false) = result, type == "m.room.guest_access" || type == "m.room.redaction" {
            try await dismissGuests(from: room, caller: caller)
        }
        return result
    }

    /// What the decision on the lane found out.
    private final class Found: Sendable {
        let result = Mutex<ReceiptResult?>(nil)
    }
}
