import CanonicalJSON
import MatrixEvents
package import RoomVersions

/// Renders the JSON of an event's row; see ``EventRow/clientJSON`` for its shape.
package enum ClientEventJSON {
    /// Renders an event from the pieces of its PDU as they stand there.
    static func render(
        eventID: String,
        type: ArraySlice<UInt8>,
        sender: ArraySlice<UInt8>,
        originServerTS: ArraySlice<UInt8>,
        stateKey: ArraySlice<UInt8>?,
        redacts: JSONView?,
        isRedaction: Bool,
        content: JSONView
    ) -> [UInt8] {
        var bytes: [UInt8] = []
        let estimate = eventID.utf8.count &+ type.count &+ sender.count &+ (stateKey?.count ?? 0)
        bytes.reserveCapacity(estimate &+ content.rawRange.count &+ 112)
        bytes.append(contentsOf: "{\"event_id\":".utf8)
        appendQuoted(eventID, to: &bytes)
        bytes.append(contentsOf: ",\"type\":".utf8)
        bytes.append(contentsOf: type)
        bytes.append(contentsOf: ",\"sender\":".utf8)
        bytes.append(contentsOf: sender)
        bytes.append(contentsOf: ",\"origin_server_ts\":".utf8)
        bytes.append(contentsOf: originServerTS)
        if let stateKey {
            bytes.append(contentsOf: ",\"state_key\":".utf8)
            bytes.append(contentsOf: stateKey)
        }
        let inner = isRedaction ? content["redacts"] : nil
        // "For backwards-compatibility with older clients, servers should add a `redacts` property to the top level of
        // `m.room.redaction` events when serving such events over the Client-Server API."
        if isRedaction, let value = redacts ?? inner {
            bytes.append(contentsOf: ",\"redacts\":".utf8)
            value.writeCanonical(into: &bytes)
        }
        bytes.append(contentsOf: ",\"content\":".utf8)
        if isRedaction, inner == nil, let redacts {
            // "For improved compatibility with newer clients, servers should add a `redacts` property to the `content`
            // of `m.room.redaction` events in older room versions when serving such events over the Client-Server API."
            var object = content.toObject() ?? JSONObject()
            object["redacts"] = redacts.toValue()
            object.writeCanonical(into: &bytes)
        } else {
            content.writeCanonical(into: &bytes)
        }
        return bytes
    }

    /// What is left of a rendered event when it is redacted; nil when the stored JSON is damaged.
    package static func redacted(_ clientJSON: UnsafeRawBufferPointer, version: RoomVersion) -> [UInt8]? {
        var closed = [UInt8](clientJSON)
        closed.append(UInt8(ascii: "}"))
        let parsed: JSONObject?
        do throws(JSONError) {
            parsed = try JSONObject.parse(closed, limits: .stored)
        } catch {
            return nil
        }
        guard let parsed else { return nil }
        let object = Redaction.redacted(parsed, version: version)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(closed.count)
        bytes.append(UInt8(ascii: "{"))
        for name in ["event_id", "type", "sender", "origin_server_ts", "state_key", "content"] {
            let value = object[name] ?? (name == "content" ? .object(JSONObject()) : nil)
            guard let value else { continue }
            if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(UInt8(ascii: "\""))
            bytes.append(contentsOf: name.utf8)
            bytes.append(contentsOf: "\":".utf8)
            value.writeCanonical(into: &bytes)
        }
        return bytes
    }

    private static func appendQuoted(_ text: String, to bytes: inout [UInt8]) {
        var text = text
        let isPlain = text.withUTF8 { utf8 in
            utf8.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
        }
        guard isPlain else { return JSONValue.string(text).writeCanonical(into: &bytes) }
        bytes.append(UInt8(ascii: "\""))
        text.withUTF8 { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
    }
}
