internal import CanonicalJSON
internal import Decisions
internal import EventSigning
internal import FederationCommands
internal import MatrixEvents
internal import MatrixIdentifiers
internal import RoomVersions

/// Any bytes as the event that a server hands over to join, knock, leave or invite: the first chooses the room version.
enum MembershipEventsTarget {
    @Sendable static func defect(_ input: [UInt8]) -> String? {
        let (version, text) = PDUTarget.split(input)
        let object: JSONObject
        do throws(JSONError) {
            guard let parsed = try JSONObject.parse(text, limits: .federationBody) else { return nil }
            object = parsed
        } catch {
            return nil
        }
        // The room in the path is the asker's to choose too.
        guard let room = object["room_id"]?.stringValue.flatMap({ RoomID($0) }) else { return nil }
        do throws(Rejection) {
            let event = try MembershipEvent.read(object, version: version, room: room)
            return Membership.allCases.compactMap { defect(of: event, as: $0) }.first ?? signingDefect(event, version)
        } catch {
            return refusalDefect(error)
        }
    }

    private static func defect(of event: HeldPDU, as membership: Membership) -> String? {
        let pdu = event.pdu
        do throws(Rejection) {
            try MembershipEvent.check(pdu, is: membership, from: pdu.sender.serverName)
        } catch {
            return refusalDefect(error)
        }
        let isOwn = pdu.stateKey?.utf8.elementsEqual(pdu.sender.rawValue.utf8) == true
        guard pdu.type == "m.room.member", isOwn, Membership(content: pdu.content) == membership else {
            return "taken for a \(membership.rawValue), which it is not"
        }
        return nil
    }

    /// This server's signature changes nothing else.
    private static func signingDefect(_ event: HeldPDU, _ version: RoomVersion) -> String? {
        do {
            let key = try SigningKey(seed: [UInt8](repeating: 5, count: 32), keyID: "ed25519:own")
            let own = try ServerName(parsing: "own.example")
            let signed = try EventSigner.addSignature(
                to: event.pdu.object, version: version, server: own, key: key)
            if try ReferenceHash.eventID(of: signed, version: version) != event.eventID { return "it has another ID" }
            let isSigned = SignatureVerifier.verify(
                event: signed, server: own, keyID: key.keyID, publicKey: key.publicKey, version: version)
            return isSigned ? nil : "its own signature is not valid"
        } catch {
            // Signatures that are no objects cannot be added to.
            return nil
        }
    }

    private static func refusalDefect(_ refusal: Rejection) -> String? {
        (400..<500).contains(refusal.status) && refusal.errcode.hasPrefix("M_")
            ? nil : "refused with \(refusal.status) \(refusal.errcode)"
    }
}
