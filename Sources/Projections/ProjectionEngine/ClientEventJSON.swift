import CanonicalJSON
import MatrixEvents
package import RoomVersions

/// Renders the JSON of an event's row; see ``EventRow/clientJSON`` for its shape.
package enum ClientEventJSON {
    /// Where the pieces of a PDU stand.
    struct Parts {
        let eventID: String
        let type: Range<Int>
        let sender: Range<Int>
        let originServerTS: Range<Int>
        let stateKey: Range<Int>?
        /// Of a redaction; room versions before 11 have it on the top level.
        let redacts: Range<Int>?
        /// Of a redaction; room version 11 and later have it in the content.
        let redactsInContent: Range<Int>?
        let content: Range<Int>
    }

    /// Renders an event from the pieces of its PDU as they stand there.
    static func render(_ scan: CanonicalScan, _ parts: Parts) -> [UInt8] {
        var bytes: [UInt8] = []
        let estimate = parts.eventID.utf8.count &+ parts.type.count &+ parts.sender.count &+ parts.content.count
        bytes.reserveCapacity(estimate &+ (parts.stateKey?.count ?? 0) &+ 128)
        append("{\"event_id\":", to: &bytes)
        appendQuoted(parts.eventID, to: &bytes)
        append(",\"type\":", to: &bytes)
        bytes.append(contentsOf: scan.slice(parts.type))
        append(",\"sender\":", to: &bytes)
        bytes.append(contentsOf: scan.slice(parts.sender))
        append(",\"origin_server_ts\":", to: &bytes)
        bytes.append(contentsOf: scan.slice(parts.originServerTS))
        if let stateKey = parts.stateKey {
            append(",\"state_key\":", to: &bytes)
            bytes.append(contentsOf: scan.slice(stateKey))
        }
        // "For backwards-compatibility with older clients, servers should add a `redacts` property to the top level of
        // `m.room.redaction` events when serving such events over the Client-Server API."
        if let redacts = parts.redacts ?? parts.redactsInContent {
            append(",\"redacts\":", to: &bytes)
            bytes.append(contentsOf: scan.slice(redacts))
        }
        append(",\"content\":", to: &bytes)
        if let redacts = parts.redacts, parts.redactsInContent == nil {
            // "For improved compatibility with newer clients, servers should add a `redacts` property to the `content`
            // of `m.room.redaction` events in older room versions when serving such events over the Client-Server API."
            append("{\"redacts\":", to: &bytes)
            bytes.append(contentsOf: scan.slice(redacts))
            if parts.content.count > 2 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: scan.slice(parts.content.dropFirst()))
        } else {
            bytes.append(contentsOf: scan.slice(parts.content))
        }
        return bytes
    }

    @inline(__always)
    private static func append(_ text: StaticString, to bytes: inout [UInt8]) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
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
