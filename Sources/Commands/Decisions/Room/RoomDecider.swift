package import CanonicalJSON
import EventAuthorization
package import EventSigning
package import LogEvents
package import MatrixEvents
package import MatrixIdentifiers
import RoomVersions

/// Turns drafts into signed, authorized PDUs that chain on a room's head.
///
/// Pure but for the state that the head loads: no clock, no randomness, no network.
package struct RoomDecider: Sendable {
    package let serverName: ServerName
    package let signingKey: SigningKey

    package init(serverName: ServerName, signingKey: SigningKey) {
        self.serverName = serverName
        self.signingKey = signingKey
    }

    /// Signs a draft, checks it against the authorization rules and moves the head to it.
    ///
    /// - Throws: ``Rejection`` when the rules forbid the event (the message names the rule); errors of loading state.
    package func decide(
        _ draft: EventDraft,
        on head: inout RoomHeadState,
        sentBy: PDURecorded.ClientTransaction? = nil
    ) throws -> (held: HeldPDU, fact: PDURecorded) {
        let held = try proposal(draft, on: &head)
        let isCreate = draft.type == "m.room.create" && draft.stateKey == ""
        let roomID = isCreate ? held.pdu.effectiveRoomID(eventID: held.eventID) : head.roomID
        head.advance(to: held)
        let fact = PDURecorded(
            verdict: .accepted,
            roomVersion: head.version.id,
            roomID: roomID.rawValue,
            eventID: held.eventID.rawValue,
            setsOwnEntry: draft.stateKey != nil,
            sentBy: sentBy,
            redacts: draft.type == "m.room.redaction" ? draft.redacts?.rawValue : nil,
            pdu: held.pdu.bytes
        )
        return (held, fact)
    }

    /// A draft signed and allowed by the rules at its place behind the head, which stays where it is: an event that another
    /// server has to sign too before it is recorded.
    ///
    /// - Throws: ``Rejection`` when the rules forbid the event; errors of loading state.
    package func proposal(_ draft: EventDraft, on head: inout RoomHeadState) throws -> HeldPDU {
        let version = head.version
        let (object, authEvents) = try placed(draft, on: &head)
        let signed = try sign(object, version: version)
        let pdu: PDU
        do {
            pdu = try PDU(object: signed.object, bytes: signed.bytes, version: version)
        } catch {
            throw Self.rejection(for: error)
        }
        let isCreate = draft.type == "m.room.create" && draft.stateKey == ""
        let roomID = isCreate ? pdu.effectiveRoomID(eventID: signed.eventID) : head.roomID
        try authorize(pdu, eventID: signed.eventID, roomID: roomID, authEvents: authEvents, on: &head)
        return HeldPDU(pdu: pdu, eventID: signed.eventID)
    }

    /// The event that another server is to sign for its user, as the rules allow it on the head: without hashes and
    /// signatures, and in v1 and v2 without an ID. The head stays where it is.
    ///
    /// - Throws: ``Rejection`` when the rules forbid the event; errors of loading state.
    package func template(_ draft: EventDraft, on head: inout RoomHeadState) throws -> JSONObject {
        let (object, authEvents) = try placed(draft, on: &head)
        let pdu: PDU
        do {
            pdu = try PDU(draft: object, version: head.version)
        } catch {
            throw Self.rejection(for: error)
        }
        let eventID = try ReferenceHash.eventID(of: object, version: head.version)
        try authorize(pdu, eventID: eventID, roomID: head.roomID, authEvents: authEvents, on: &head)
        return object.filter { key, _ in key != "event_id" }
    }

    /// A draft at its place behind the head, with the auth events that the head's state has for it.
    private func placed(
        _ draft: EventDraft, on head: inout RoomHeadState
    ) throws -> (object: JSONObject, authEvents: [HeldPDU]) {
        let version = head.version
        let authEvents = try selectAuthEvents(for: draft, on: &head)
        let depth = min(head.depth &+ 1, version.maximumDepth)
        var object: JSONObject = [
            "auth_events": .array(authEvents.map { Self.reference(to: $0, version) }),
            "content": .object(draft.content),
            "depth": .integer(depth),
            "origin_server_ts": .integer(draft.originServerTS),
            "prev_events": .array(try Self.predecessors(of: head)),
            "sender": .string(draft.sender.rawValue),
            "type": .string(draft.type),
        ]
        let isCreate = draft.type == "m.room.create" && draft.stateKey == ""
        if !(isCreate && version.roomIDIsCreateHash) {
            object["room_id"] = .string(head.roomID.rawValue)
        }
        if let stateKey = draft.stateKey { object["state_key"] = .string(stateKey) }
        // "redacts: … In room versions 11 and later this is in content" (m.room.redaction).
        if let redacts = draft.redacts, !version.redactsInContent { object["redacts"] = .string(redacts.rawValue) }
        if version.eventIDFormat == .opaque {
            // "event_id: The globally unique event identifier" (v1, v2), here made from all else that the event says.
            let opaque = UnpaddedBase64.encodeURLSafe(SHA256.digest(of: object.canonicalBytes()))
            object["event_id"] = .string("$\(opaque):\(serverName)")
        }
        return (object, authEvents)
    }

    private static func predecessors(of head: RoomHeadState) throws -> [JSONValue] {
        guard head.version.eventIDFormat == .opaque else {
            return head.forwardExtremities.map { .string($0.rawValue) }
        }
        return try head.forwardExtremities.compactMap { eventID in
            try head.predecessor(eventID).map { reference(to: $0, head.version) }
        }
    }

    /// How an event names another: by its ID, or in v1 and v2 by "event IDs and reference hashes".
    private static func reference(to event: HeldPDU, _ version: RoomVersion) -> JSONValue {
        guard version.eventIDFormat == .opaque else { return .string(event.eventID.rawValue) }
        let hash = UnpaddedBase64.encode(ReferenceHash.compute(event.pdu.object, version: version))
        return .array([.string(event.eventID.rawValue), ["sha256": .string(hash)]])
    }

    private func sign(_ object: JSONObject, version: RoomVersion) throws -> SignedEvent {
        do {
            return try EventSigner.sign(draft: object, version: version, server: serverName, key: signingKey)
        } catch {
            throw Rejection.badJSON("The event cannot be signed: \(error).")
        }
    }

    private func selectAuthEvents(for draft: EventDraft, on head: inout RoomHeadState) throws -> [HeldPDU] {
        if draft.type == "m.room.create" && draft.stateKey == "" { return [] }
        let wanted = AuthEventSelection.keys(
            type: draft.type,
            sender: draft.sender,
            stateKey: draft.stateKey,
            content: draft.content,
            version: head.version
        )
        var found: [HeldPDU] = []
        for (type, stateKey) in wanted {
            if let event = try head.held(type, stateKey) { found.append(event) }
        }
        return found
    }

    private func authorize(
        _ pdu: PDU,
        eventID: EventID,
        roomID: RoomID,
        authEvents: [HeldPDU],
        on head: inout RoomHeadState
    ) throws {
        let needsState = pdu.type != "m.room.create"
        let state = SelectedState(
            events: authEvents,
            create: needsState ? try head.held("m.room.create", "") : nil,
            powerLevels: needsState ? try head.powerLevels() : nil
        )
        do {
            try EventAuthorizer.check(pdu, eventID: eventID, roomID: roomID, version: head.version, state: state)
        } catch {
            throw Rejection.forbidden("\(error.reason) (authorization rule \(error.rule))")
        }
    }

    /// The error a client gets for an event that breaks the event format.
    static func rejection(for error: PDUError) -> Rejection {
        if error.isTooLarge { return .tooLarge("The event is too large: \(error).") }
        return .badJSON("The event is not valid: \(error).")
    }
}

/// The auth events of one event as the authorization rules read them.
package struct SelectedState: AuthStateReader {
    package let events: [HeldPDU]
    package let create: HeldPDU?
    package let powerLevels: PowerLevels?

    package init(events: [HeldPDU], create: HeldPDU?, powerLevels: PowerLevels?) {
        self.events = events
        self.create = create
        self.powerLevels = powerLevels
    }

    package func authEvent(type: String, stateKey: String) -> PDU? {
        for event in events
        where event.pdu.type.hasSameBytes(as: type) && event.pdu.stateKey?.hasSameBytes(as: stateKey) == true {
            return event.pdu
        }
        return type == "m.room.create" && stateKey.isEmpty ? create?.pdu : nil
    }
}
