internal import CanonicalJSON
package import MatrixIdentifiers

/// The rendering of PDUs as clients see them, by cutting members out of the canonical bytes.
///
/// The result has `content`, `event_id`, `origin_server_ts`, `room_id` (unless left out, as in `/sync`), `sender`,
/// `state_key` (of state events), `type` and, of redactions, `redacts`. It never has `unsigned`, which depends on who
/// reads; the `renderOpen` functions leave off the closing brace, so that a caller can append `,"unsigned":{…}}`.
package enum ClientEventFormat {
    /// Renders a whole event.
    package static func render(pdu: PDU, eventID: EventID, roomID: RoomID, includeRoomID: Bool) -> [UInt8] {
        var bytes = renderOpen(pdu: pdu, eventID: eventID, roomID: roomID, includeRoomID: includeRoomID)
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    /// Renders an event without its closing brace; at least one member is there, so what follows begins with a comma.
    package static func renderOpen(pdu: PDU, eventID: EventID, roomID: RoomID, includeRoomID: Bool) -> [UInt8] {
        renderOpen(canonical: pdu.bytes, eventID: eventID.rawValue, roomID: includeRoomID ? roomID.rawValue : nil)
    }

    /// Renders an event from the canonical bytes of its PDU, without its closing brace and without parsing it.
    ///
    /// - Parameter roomID: nil leaves the member out.
    package static func renderOpen(canonical bytes: [UInt8], eventID: String, roomID: String?) -> [UInt8] {
        let fields = CanonicalFields(scanning: bytes)
        var writer = JSONWriter(capacity: bytes.count &+ 128)
        writer.beginObject()
        let isRedaction = fields.type.map { isRedactionType(bytes[$0]) } ?? false
        writer.key("content")
        let content = fields.content.map { bytes[$0] } ?? ArraySlice("{}".utf8)
        let innerRedacts = isRedaction ? redacts(inContentAt: fields.content, of: bytes) : nil
        if isRedaction, innerRedacts == nil, let outer = fields.redacts {
            // "For improved compatibility with newer clients, servers should add a `redacts` property to the `content`
            // of `m.room.redaction` events in older room versions when serving such events over the Client-Server API."
            writer.beginObject()
            writer.field("redacts", raw: bytes[outer])
            appendMembers(of: content, to: &writer)
        } else {
            writer.raw(content)
        }
        writer.field("event_id", eventID)
        if let value = fields.originServerTS { writer.field("origin_server_ts", raw: bytes[value]) }
        // "For backwards-compatibility with older clients, servers should add a `redacts` property to the top level of
        // `m.room.redaction` events when serving such events over the Client-Server API."
        if isRedaction, let value = fields.redacts ?? innerRedacts { writer.field("redacts", raw: bytes[value]) }
        if let roomID { writer.field("room_id", roomID) }
        if let value = fields.sender { writer.field("sender", raw: bytes[value]) }
        if let value = fields.stateKey { writer.field("state_key", raw: bytes[value]) }
        if let value = fields.type { writer.field("type", raw: bytes[value]) }
        return writer.bytes
    }

    /// Renders the stripped form of a state event: "`content`, `sender`, `state_key` and `type`".
    package static func renderStripped(pdu: PDU) -> [UInt8] { renderStripped(canonical: pdu.bytes) }

    /// Renders the stripped form of a state event from the canonical bytes of its PDU.
    package static func renderStripped(canonical bytes: [UInt8]) -> [UInt8] {
        let fields = CanonicalFields(scanning: bytes)
        var writer = JSONWriter(capacity: bytes.count)
        writer.beginObject()
        writer.field("content", raw: fields.content.map { bytes[$0] } ?? ArraySlice("{}".utf8))
        if let value = fields.sender { writer.field("sender", raw: bytes[value]) }
        if let value = fields.stateKey { writer.field("state_key", raw: bytes[value]) }
        if let value = fields.type { writer.field("type", raw: bytes[value]) }
        writer.endObject()
        return writer.bytes
    }

    private static func isRedactionType(_ value: ArraySlice<UInt8>) -> Bool {
        value.elementsEqual("\"m.room.redaction\"".utf8)
    }

    private static func redacts(inContentAt content: Range<Int>?, of bytes: [UInt8]) -> Range<Int>? {
        guard let content else { return nil }
        return CanonicalFields(scanning: bytes, objectAt: content.lowerBound).redacts
    }

    /// Ends an object that has members already with the members of another and its closing brace.
    private static func appendMembers(of object: ArraySlice<UInt8>, to writer: inout JSONWriter) {
        let members = object.dropFirst()
        if members.count > 1 { writer.bytes.append(UInt8(ascii: ",")) }
        writer.bytes.append(contentsOf: members)
    }
}
