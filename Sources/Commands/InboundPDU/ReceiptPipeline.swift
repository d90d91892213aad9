package import CanonicalJSON
package import Decisions
import EventAuthorization
package import LogEvents
import MatrixEvents
package import MatrixIdentifiers
package import RoomVersions

/// The "checks performed on receipt of a PDU", each in a file of its own under `Steps`.
///
/// Pure but for what it reads of the room. What it lacks it names; fetching is for others.
package struct ReceiptPipeline: Sendable {
    /// Checks the signatures on an event.
    package typealias Signatures = @Sendable (HeldPDU, RoomVersion) -> SignatureOutcome

    /// What came of a PDU.
    package enum Outcome: Sendable {
        /// Accepted, soft-failed or rejected: to be recorded, and the head has moved on.
        case judged(PDURecorded)
        /// It was judged before.
        case known(EventStanding)
        /// It cannot be judged without these events.
        case missing(previous: [EventID], auth: [EventID])
    }

    private let signatures: Signatures

    package init(signatures: @escaping Signatures) {
        self.signatures = signatures
    }

    /// The checks that look at nothing but the PDU; they need no order, so PDUs of a transaction may pass them side by side.
    package func prepare(
        _ object: JSONObject, room: RoomID, version: RoomVersion
    ) throws(DroppedPDU) -> ReceivedPDU {
        let event = try Self.read(object, room: room, version: version)
        return try Self.received(event, version: version, signatures: signatures(event, version))
    }

    /// The checks that look at the room, and the event's place in it.
    ///
    /// - Parameters:
    ///   - graph: the room in the views; nil for a room of which nothing is recorded.
    ///   - past: what is known of the place of an event that was asked for; see ``PastPlace``.
    /// - Throws: `NeedsSettledRoom`, `DroppedPDU`, or what reading throws.
    package func judge(
        _ received: ReceivedPDU, on head: inout RoomHeadState, graph: (some RoomGraph)?,
        past: PastPlace = PastPlace()
    ) throws -> Outcome {
        let eventID = received.eventID
        if let standing = try graph?.standing(of: eventID), !standing.isOutlier { return .known(standing) }
        let previous = Set(received.pdu.prevEvents)
        let follows = previous == Set(head.forwardExtremities) && !past.isBackfilled
        if !follows, !head.isSettled { throw NeedsSettledRoom() }
        var missing = try received.pdu.prevEvents.filter { try !hasState(at: $0, head, graph) }
        var named = try authEvents(of: received, &head, graph)
        if !missing.isEmpty, let given = past.stateBefore, let graph {
            named.missing += try given.filter { try graph.standing(of: $0) == nil }
            missing = []
        }
        guard missing.isEmpty, named.missing.isEmpty else {
            if !head.isSettled { throw NeedsSettledRoom() }
            return .missing(previous: missing, auth: named.missing)
        }
        if follows { return try judgeAtHead(received, named.found, &head) }
        guard let graph else { throw GraphFault.unknownEventID(eventID) }
        return try judgeInGraph(received, named.found, &head, graph, past)
    }

    private func hasState(at eventID: EventID, _ head: RoomHeadState, _ graph: (some RoomGraph)?) throws -> Bool {
        if head.forwardExtremities.contains(eventID) { return true }
        guard let standing = try graph?.standing(of: eventID) else { return false }
        return !standing.isOutlier
    }

    /// The events that `auth_events` names: those of the head, which may be on their way to the disk, and those of the views.
    private func authEvents(
        of received: ReceivedPDU, _ head: inout RoomHeadState, _ graph: (some RoomGraph)?
    ) throws -> (found: [AuthEventsCheck.Named], missing: [EventID]) {
        var atHead: [HeldPDU] = []
        for (type, stateKey) in AuthEventSelection.keys(for: received.pdu, version: received.version) {
            if let held = try head.held(type, stateKey) { atHead.append(held) }
        }
        var found: [AuthEventsCheck.Named] = []
        var missing: [EventID] = []
        for eventID in received.pdu.authEvents {
            if let held = atHead.first(where: { $0.eventID == eventID }) {
                found.append(AuthEventsCheck.Named(event: held, isRejected: false))
            } else if let standing = try graph?.standing(of: eventID), let held = try graph?.held(eventID) {
                found.append(AuthEventsCheck.Named(event: held, isRejected: standing.verdict == .rejected))
            } else {
                missing.append(eventID)
            }
        }
        return (found, missing)
    }

    /// An event after the whole head: the state before it is the current state.
    private func judgeAtHead(
        _ received: ReceivedPDU, _ named: [AuthEventsCheck.Named], _ head: inout RoomHeadState
    ) throws -> Outcome {
        let create = received.isCreate ? nil : try head.held("m.room.create", "")
        let levels = received.isCreate ? nil : try head.powerLevels()
        let verdict = try Judgement.of {
            try AuthEventsCheck(received: received, room: head.roomID, create: create).check(named)
            try StateCheck(received: received, room: head.roomID).check(levels: levels) { entry in
                try head.held(entry.type, entry.stateKey)
            }
        }
        // Two of the same that are both on their way are told apart by the head alone, which a rejected one does not move.
        if verdict.verdict == .rejected, !head.isSettled { throw NeedsSettledRoom() }
        let isAccepted = verdict.verdict == .accepted
        let placement = HeadPlacement(
            isInTimeline: isAccepted, forwardExtremities: [received.eventID],
            setsOwnEntry: isAccepted && received.pdu.isState, changes: [])
        head.place(received.held, placement)
        return .judged(try record(received, verdict, placement, before: nil, on: &head))
    }

    /// An event of another place in the graph.
    private func judgeInGraph<Graph: RoomGraph>(
        _ received: ReceivedPDU, _ named: [AuthEventsCheck.Named], _ head: inout RoomHeadState, _ graph: Graph,
        _ past: PastPlace
    ) throws -> Outcome {
        let place = try GraphPlace(received, past, head: head.forwardExtremities, in: graph)
        let create = try head.held("m.room.create", "")
        let verdict = try GraphJudge(graph: graph, room: head.roomID).judge(
            received, before: place.before, create: create, named: named, isPast: place.isPast)
        var name = place.name
        if !place.isPast, name?.delta.isEmpty == false, past.stateBefore == nil {
            let previous = Set(received.pdu.prevEvents)
            if let sibling = head.sibling(after: previous) {
                name = PDURecorded.StateBefore(origin: .before, eventID: sibling.rawValue)
            } else {
                head.noteMerge(of: previous, by: received.eventID)
            }
        }
        // "Soft failed events … should not be added to the server's list of forward extremities of the room."
        let advance = HeadAdvance(graph: graph, version: received.version)
        let placement =
            verdict.verdict != .accepted
            ? HeadPlacement(
                isInTimeline: false, forwardExtremities: head.forwardExtremities, setsOwnEntry: false, changes: [])
            : place.isPast
                ? try advance.placementOfPast(received.held, after: head.forwardExtremities)
                : try advance.placement(of: received.held, before: place.before, after: head.forwardExtremities)
        head.place(received.held, placement)
        var fact = try record(received, verdict, placement, before: name, on: &head)
        fact.isBackfilled = place.isPast
        return .judged(fact)
    }

    private func record(
        _ received: ReceivedPDU, _ judgement: Judgement, _ placement: HeadPlacement,
        before: PDURecorded.StateBefore?, on head: inout RoomHeadState
    ) throws -> PDURecorded {
        PDURecorded(
            verdict: judgement.verdict,
            roomVersion: received.version.id,
            roomID: head.roomID.rawValue,
            eventID: received.eventID.rawValue,
            rule: judgement.rule,
            reason: judgement.reason,
            setsOwnEntry: placement.setsOwnEntry,
            redacts: judgement.verdict == .accepted ? try effectiveRedaction(received, on: &head) : nil,
            stateDelta: placement.changes.map {
                PDURecorded.StateChange(type: $0.entry.type, stateKey: $0.entry.stateKey, eventID: $0.holder?.rawValue)
            },
            stateBefore: before,
            pdu: received.pdu.bytes
        )
    }

    /// The event that a redaction redacts: "The power level of the redaction event's `sender` is greater than or equal to the
    /// *redact level*", or "The domain of the redaction event's `sender` matches that of the original event's `sender`."
    private func effectiveRedaction(_ received: ReceivedPDU, on head: inout RoomHeadState) throws -> String? {
        guard let target = received.pdu.redacts else { return nil }
        guard let event = try head.predecessor(target), event.pdu.type != "m.room.create" else { return nil }
        let levels = try head.powerLevels()
        let hasPower = levels.level(of: received.pdu.sender) >= levels.redact
        return hasPower || event.pdu.sender.serverName == received.pdu.sender.serverName ? target.rawValue : nil
    }
}
