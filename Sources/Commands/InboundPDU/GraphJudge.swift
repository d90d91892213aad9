package import Decisions
import EventAuthorization
package import LogEvents
import MatrixEvents
package import MatrixIdentifiers

/// Judges an event at its place in a graph, by the checks 4 to 6 of those "performed on receipt of a PDU".
package struct GraphJudge<Graph: RoomGraph> {
    private let graph: Graph
    private let room: RoomID

    package init(graph: Graph, room: RoomID) {
        self.graph = graph
        self.room = room
    }

    /// - Parameters:
    ///   - before: the state before the event.
    ///   - create: the room's create event; nil when the event is it.
    ///   - isPast: the event is of the room's past, of which the current state says nothing.
    package func judge(
        _ received: ReceivedPDU, before: GraphState, create: HeldPDU?, isPast: Bool = false
    ) throws -> Judgement {
        try judge(received, before: before, create: create, named: named(by: received), isPast: isPast)
    }

    /// Judges an event of which nobody knows the place: "4. Passes authorisation rules based on the event's auth events".
    package func judgeOutlier(_ received: ReceivedPDU, create: HeldPDU?) throws -> Judgement {
        let named = try named(by: received)
        return try Judgement.of {
            try AuthEventsCheck(received: received, room: room, create: create).check(named)
        }
    }

    private func named(by received: ReceivedPDU) throws -> [AuthEventsCheck.Named] {
        var named: [AuthEventsCheck.Named] = []
        for eventID in received.pdu.authEvents {
            guard let standing = try graph.standing(of: eventID), let held = try graph.held(eventID) else {
                throw GraphFault.unknownEventID(eventID)
            }
            named.append(AuthEventsCheck.Named(event: held, isRejected: standing.verdict == .rejected))
        }
        return named
    }

    func judge(
        _ received: ReceivedPDU, before: GraphState, create: HeldPDU?, named: [AuthEventsCheck.Named],
        isPast: Bool = false
    ) throws -> Judgement {
        let judgement = try Judgement.of {
            try AuthEventsCheck(received: received, room: room, create: create).check(named)
            try check(received, in: before)
        }
        guard judgement.verdict == .accepted, !isPast, before != graph.current else { return judgement }
        let now = try Judgement.of { try check(received, in: graph.current) }
        guard now.verdict == .rejected else { return judgement }
        return Judgement(verdict: .softFailed, rule: now.rule, reason: now.reason)
    }

    private func check(_ received: ReceivedPDU, in state: GraphState) throws {
        try StateCheck(received: received, room: room).check { entry in
            try graph.held(entry.type, entry.stateKey, in: state)
        }
    }
}

/// How an event was judged by the rules that look at other events.
package struct Judgement: Sendable, Hashable {
    package let verdict: PDURecorded.Verdict
    /// The rule that refused it, and why; empty when it is accepted.
    package let rule: String
    package let reason: String

    static let accepted = Judgement(verdict: .accepted, rule: "", reason: "")

    /// Rejected by what the check throws as the rules' refusal.
    static func of(_ check: () throws -> Void) throws -> Judgement {
        do {
            try check()
            return .accepted
        } catch let refused as AuthRejection {
            return Judgement(verdict: .rejected, rule: refused.rule, reason: refused.reason)
        }
    }
}
