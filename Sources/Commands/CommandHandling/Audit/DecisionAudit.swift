import CanonicalJSON
package import Decisions
package import EventAuthorization
package import EventLog
package import EventSigning
import InboundPDU
package import LogEvents
import MatrixEvents
package import MatrixIdentifiers
import RoomVersions
import StateResolution

/// Recomputes every decision about PDUs from the log alone and compares it with what was recorded.
///
/// Feed it all records in order. It keeps each room's graph in memory, as the records say it came about: the state before
/// an event is resolved from the states after its `prev_events`, the current state from those after the forward extremities.
package struct DecisionAudit {
    /// One difference between the record and the recomputation.
    package struct Difference: Sendable, Hashable {
        package let position: LogPosition
        package let eventID: String
        package let what: String
    }

    /// How an event was decided, for `inspect why`.
    package struct Explanation: Sendable {
        package let position: LogPosition
        package let fact: PDURecorded
        /// The state events that the rules read, by type and state key.
        package let inputs: [(entry: StateEntry, eventID: String)]
        /// What recomputing says: nil when the rules accept the event, in the state before it and in the current state.
        package let rejection: AuthRejection?
        /// Whether the state before it was the room's current state, as in a room without forks.
        package let followsHead: Bool
        /// The event that the entry held before.
        package let replaced: String?
    }

    private let ownServer: ServerName?
    private let ownKey: SigningKey?
    private var rooms: [String: AuditedRoom] = [:]
    package private(set) var checkedPDUs: UInt64 = 0
    package private(set) var differences: [Difference] = []

    /// - Parameter ownKey: verifies the signatures of this server's own events; nil skips that check.
    package init(ownServer: ServerName?, ownKey: SigningKey?) {
        self.ownServer = ownServer
        self.ownKey = ownKey
    }

    /// Checks one record; records that are no PDUs carry no decision and pass.
    @discardableResult
    package mutating func check(_ record: EventRecord) throws -> Explanation? {
        // Of an erased event its redacted form is left: later decisions rest on that, as they do after a redaction.
        guard record.kind == .pduRecorded, !record.payload.isEmpty else { return nil }
        let fact = try PDURecorded(payload: record.payload)
        guard let version = RoomVersion.named(fact.roomVersion) else {
            note(record, fact, "its room version \(fact.roomVersion) is unknown")
            return nil
        }
        checkedPDUs += 1
        let held: HeldPDU
        var room: AuditedRoom
        do {
            let pdu = try PDU(parsing: fact.pdu, version: version)
            held = HeldPDU(pdu: pdu, eventID: try ReferenceHash.eventID(of: pdu.object, version: version))
            room = try rooms[fact.roomID] ?? AuditedRoom(roomID: RoomID(parsing: fact.roomID), version: version)
        } catch {
            note(record, fact, "it is not a well-formed PDU: \(error)")
            return nil
        }
        // Only one copy of the graph, so that it grows where it is.
        rooms[fact.roomID] = nil
        defer { rooms[fact.roomID] = room }
        if held.eventID.rawValue != fact.eventID { note(record, fact, "its hash gives the event id \(held.eventID)") }
        checkIntegrity(of: held.pdu, record, fact, version)
        var explanation: Explanation?
        do {
            let before = try room.recordedBefore(fact)
            // What was erased may have been among the inputs of its own decision, which cannot be recomputed then.
            if let before, !record.isErased {
                explanation = try decide(held, record, fact, before: before, room)
            } else if fact.isOutlier, !record.isErased {
                explanation = try decideOutlier(held, record, fact, room)
            }
            try room.append(held, fact, before: before)
        } catch {
            note(record, fact, "its decision cannot be recomputed: \(error)")
        }
        return explanation
    }

    private mutating func checkIntegrity(
        of pdu: PDU,
        _ record: EventRecord,
        _ fact: PDURecorded,
        _ version: RoomVersion
    ) {
        // "Passes hash checks, otherwise it is redacted before being processed further": then nothing is left to hash.
        if !record.isErased, !ContentHash.matches(pdu.object),
            Redaction.redacted(pdu.object, version: version).canonicalBytes() != pdu.bytes
        {
            note(record, fact, "its content hash does not match its content")
        }
        guard let ownServer, let ownKey, pdu.sender.serverName == ownServer else { return }
        let isSigned = SignatureVerifier.verify(
            event: pdu.object, server: ownServer, keyID: ownKey.keyID, publicKey: ownKey.publicKey, version: version)
        if !isSigned { note(record, fact, "this server's signature on it is not valid") }
    }

    private mutating func decide(
        _ event: HeldPDU, _ record: EventRecord, _ fact: PDURecorded, before: GraphState, _ room: AuditedRoom
    ) throws -> Explanation {
        let pdu = event.pdu
        let wanted = AuthEventSelection.keys(for: pdu, version: room.version)
        let inputs = try room.inputs(of: event, in: before, wanted: wanted)
        // A join that adopts a room was drafted by a server of that room.
        if let ownServer, pdu.sender.serverName == ownServer, !fact.adopts,
            pdu.authEvents.map(\.rawValue).sorted() != inputs.map(\.eventID).sorted()
        {
            note(record, fact, "its auth events are not those that the room's state selects")
        }
        let recomputed = try room.recompute(event, fact, recorded: before)
        if try !room.graph.difference(from: recomputed.before, to: before).isEmpty {
            note(record, fact, "the state before it is not the resolution of the states after its prev_events")
        }
        if !fact.isBackfilled, fact.verdict == .accepted, room.isFollowed(event) {
            note(record, fact, "known events follow it, but it is not recorded as one of the past")
        }
        let judgement = recomputed.judgement
        if judgement.verdict != fact.verdict {
            let why = judgement.rule.isEmpty ? "" : " by rule \(judgement.rule): \(judgement.reason)"
            note(record, fact, "it is recorded as \(fact.verdict), but the rules say \(judgement.verdict)\(why)")
        } else if let placement = recomputed.placement {
            compare(placement, with: fact, record)
        }
        return Explanation(
            position: record.position,
            fact: fact,
            inputs: inputs,
            rejection: judgement.verdict == .accepted
                ? nil : AuthRejection(rule: judgement.rule, reason: judgement.reason),
            followsHead: fact.stateBefore == nil,
            replaced: try pdu.stateKey.flatMap { try room.graph.held(pdu.type, $0, in: before)?.eventID.rawValue }
        )
    }

    /// An event without its place is judged by its auth events alone.
    private mutating func decideOutlier(
        _ event: HeldPDU, _ record: EventRecord, _ fact: PDURecorded, _ room: AuditedRoom
    ) throws -> Explanation {
        let judgement = try room.recomputeOutlier(event)
        if judgement.verdict != fact.verdict {
            note(record, fact, "its auth events make it \(judgement.verdict), but it is recorded as \(fact.verdict)")
        }
        var inputs: [(entry: StateEntry, eventID: String)] = []
        for eventID in event.pdu.authEvents {
            guard let held = try room.graph.held(eventID), let stateKey = held.pdu.stateKey else { continue }
            inputs.append((StateEntry(held.pdu.type, stateKey), eventID.rawValue))
        }
        return Explanation(
            position: record.position, fact: fact, inputs: inputs,
            rejection: judgement.verdict == .accepted
                ? nil : AuthRejection(rule: judgement.rule, reason: judgement.reason),
            followsHead: false, replaced: nil)
    }

    /// What the current state became by the event.
    private mutating func compare(_ placement: HeadPlacement, with fact: PDURecorded, _ record: EventRecord) {
        if placement.setsOwnEntry != fact.setsOwnEntry {
            note(
                record, fact, "resolution \(placement.setsOwnEntry ? "puts" : "does not put") it into the current state"
            )
        }
        let recomputed = Set(
            placement.changes.map {
                PDURecorded.StateChange(type: $0.entry.type, stateKey: $0.entry.stateKey, eventID: $0.holder?.rawValue)
            })
        if recomputed != Set(fact.stateDelta) {
            note(record, fact, "resolution changes other entries of the current state than the record says")
        }
    }

    private mutating func note(_ record: EventRecord, _ fact: PDURecorded, _ what: String) {
        differences.append(Difference(position: record.position, eventID: fact.eventID, what: what))
    }
}
