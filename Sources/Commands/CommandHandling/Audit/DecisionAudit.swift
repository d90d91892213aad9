import CanonicalJSON
package import Decisions
package import EventAuthorization
package import EventLog
package import EventSigning
package import LogEvents
import MatrixEvents
package import MatrixIdentifiers
import RoomVersions

/// Recomputes every decision about PDUs from the log alone and compares it with what was recorded.
///
/// Feed it all records in order. It keeps each room's state in memory, as the records say it changed.
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
        /// What recomputing says: nil when the rules accept the event.
        package let rejection: AuthRejection?
        /// The event that the entry held before.
        package let replaced: String?
    }

    private struct Room {
        let version: RoomVersion
        var entries: [StateEntry: HeldPDU] = [:]
        var powerLevels: PowerLevels?
    }

    private let ownServer: ServerName?
    private let ownKey: SigningKey?
    private var rooms: [String: Room] = [:]
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
        var room = rooms[fact.roomID] ?? Room(version: version)
        defer { rooms[fact.roomID] = room }
        let pdu: PDU
        let eventID: EventID
        do {
            pdu = try PDU(parsing: fact.pdu, version: version)
            eventID = try ReferenceHash.eventID(of: pdu.object, version: version)
        } catch {
            note(record, fact, "it is not a well-formed PDU: \(error)")
            return nil
        }
        if eventID.rawValue != fact.eventID { note(record, fact, "its hash gives the event id \(eventID)") }
        checkIntegrity(of: pdu, record, fact, version)
        // What was erased may have been among the inputs of its own decision, which cannot be recomputed then.
        let explanation = record.isErased ? nil : try decide(pdu, eventID, record, fact, &room)
        if fact.verdict == .accepted, fact.setsOwnEntry, let stateKey = pdu.stateKey {
            room.entries[StateEntry(pdu.type, stateKey)] = HeldPDU(pdu: pdu, eventID: eventID)
            if pdu.type == "m.room.power_levels" || pdu.type == "m.room.create" { room.powerLevels = nil }
        }
        return explanation
    }

    private mutating func checkIntegrity(
        of pdu: PDU,
        _ record: EventRecord,
        _ fact: PDURecorded,
        _ version: RoomVersion
    ) {
        if !record.isErased, pdu.object["hashes"]?["sha256"]?.stringValue != ContentHash.compute(pdu.object) {
            note(record, fact, "its content hash does not match its content")
        }
        guard let ownServer, let ownKey, pdu.sender.serverName == ownServer else { return }
        let isSigned = SignatureVerifier.verify(
            event: pdu.object, server: ownServer, keyID: ownKey.keyID, publicKey: ownKey.publicKey, version: version)
        if !isSigned { note(record, fact, "this server's signature on it is not valid") }
    }

    private mutating func decide(
        _ pdu: PDU,
        _ eventID: EventID,
        _ record: EventRecord,
        _ fact: PDURecorded,
        _ room: inout Room
    ) throws -> Explanation {
        let isCreate = pdu.type == "m.room.create" && pdu.stateKey == ""
        var inputs: [(entry: StateEntry, held: HeldPDU)] = []
        if !isCreate {
            let wanted = AuthEventSelection.keys(
                type: pdu.type, sender: pdu.sender, stateKey: pdu.stateKey, content: pdu.content, version: room.version)
            for (type, stateKey) in wanted {
                let entry = StateEntry(type, stateKey)
                if let held = room.entries[entry] { inputs.append((entry, held)) }
            }
            if pdu.authEvents.map(\.rawValue).sorted() != inputs.map(\.held.eventID.rawValue).sorted() {
                note(record, fact, "its auth events are not those that the room's state selects")
            }
        }
        let create = room.entries[StateEntry("m.room.create", "")]
        if room.powerLevels == nil, create != nil {
            room.powerLevels = PowerLevels(
                content: room.entries[StateEntry("m.room.power_levels", "")]?.pdu.content,
                create: create?.pdu,
                version: room.version
            )
        }
        let state = SelectedState(
            events: inputs.map(\.held), create: isCreate ? nil : create, powerLevels: isCreate ? nil : room.powerLevels)
        var rejection: AuthRejection?
        do {
            let roomID = try RoomID(parsing: fact.roomID)
            try EventAuthorizer.check(pdu, eventID: eventID, roomID: roomID, version: room.version, state: state)
        } catch let refused as AuthRejection {
            rejection = refused
        }
        switch (fact.verdict, rejection) {
        case (.accepted, let refused?):
            note(record, fact, "it was accepted, but rule \(refused.rule) forbids it: \(refused.reason)")
        case (.rejected, nil):
            note(record, fact, "it was rejected by rule \(fact.rule), but the rules accept it")
        default: break
        }
        return Explanation(
            position: record.position,
            fact: fact,
            inputs: inputs.map { ($0.entry, $0.held.eventID.rawValue) },
            rejection: rejection,
            replaced: pdu.stateKey.flatMap { room.entries[StateEntry(pdu.type, $0)]?.eventID.rawValue }
        )
    }

    private mutating func note(_ record: EventRecord, _ fact: PDURecorded, _ what: String) {
        differences.append(Difference(position: record.position, eventID: fact.eventID, what: what))
    }
}
