internal import CanonicalJSON
internal import EventSigning
internal import MatrixEvents
internal import RoomVersions

/// Any bytes as a PDU: the first chooses the room version, the rest is the event.
enum PDUTarget {
    /// The room version that the first byte chooses, and what is left.
    static func split(_ input: [UInt8]) -> (RoomVersion, [UInt8]) {
        let all = RoomVersion.all
        return (all[Int(input.first ?? 0) % all.count], Array(input.dropFirst()))
    }

    @Sendable static func defect(_ input: [UInt8]) -> String? {
        let (version, text) = split(input)
        let event: InboundPDU
        do throws(PDUError) {
            event = try InboundPDU(parsing: text, version: version)
        } catch {
            return refusalDefect(text, version)
        }
        let pdu = event.pdu
        if pdu.object.canonicalBytes() != pdu.bytes { return "its bytes are not canonical" }
        if pdu.bytes.count > 65_536 { return "larger than an event may be" }
        if ContentHash.matches(pdu.object) != event.contentHashMatches { return "tape and tree differ in the hash" }
        do {
            let again = try PDU(parsing: pdu.bytes, version: version)
            if again.object != pdu.object || again.bytes != pdu.bytes { return "read again it is another event" }
            if try ReferenceHash.eventID(of: pdu.object, version: version) != event.eventID { return "two IDs" }
            let redacted = try event.redacted()
            if try ReferenceHash.eventID(of: redacted.object, version: version) != event.eventID {
                return "redaction changes the ID"
            }
        } catch {
            return "its own parts are refused: \(error)"
        }
        let publicKey = [UInt8](repeating: 7, count: 32)
        for server in RequiredSignatures.servers(for: pdu, eventID: event.eventID, version: version) {
            for keyID in event.keyIDs(of: server) {
                if event.isSigned(by: server, keyID: keyID, publicKey: publicKey) { return "anything is signed" }
            }
        }
        return nil
    }

    private static func refusalDefect(_ text: [UInt8], _ version: RoomVersion) -> String? {
        do throws(PDUError) {
            let pdu = try PDU(parsing: text, version: version)
            // `PDU(parsing:)` reads only canonical bytes, whose spelling it trusts; the size is then another.
            return pdu.bytes == pdu.object.canonicalBytes() ? "refused, but the stored form is accepted" : nil
        } catch {
            return nil
        }
    }
}
