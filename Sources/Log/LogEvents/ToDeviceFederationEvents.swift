package import CanonicalJSON
package import EventLog

/// Messages were sent to devices of another server: it is told until it has them.
package struct ToDeviceForwarded: LogEvent, Hashable {
    package static let kind = RecordKind.toDeviceForwarded

    package var server: String
    package var sender: String
    package var type: String
    /// "Unique ID for the message, used for idempotence."
    package var messageID: String
    /// User to device, or `*`, to content.
    package var messages: JSONObject

    package init(server: String, sender: String, type: String, messageID: String, messages: JSONObject) {
        self.server = server
        self.sender = sender
        self.type = type
        self.messageID = messageID
        self.messages = messages
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "ToDeviceForwarded")
        server = try json.string("server")
        sender = try json.string("sender")
        type = try json.string("type")
        messageID = try json.string("message_id")
        guard let messages = json.object["messages"]?.objectValue else {
            throw PayloadError(kind: "ToDeviceForwarded", reason: "lacks the object messages")
        }
        self.messages = messages
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "ToDeviceForwarded")
        json.set("server", server)
        json.set("sender", sender)
        json.set("type", type)
        json.set("message_id", messageID)
        json.set("messages", json: .object(messages))
        return json.object.canonicalBytes()
    }
}

/// Another server brought messages for devices of this one; `*` has been replaced by the devices there were. Of records with
/// the same origin and message id the first one counts.
package struct ToDeviceReceived: LogEvent, Hashable {
    package static let kind = RecordKind.toDeviceReceived

    package var origin: String
    package var messageID: String
    package var sender: String
    package var type: String
    package var messages: [ToDeviceSent.Message]

    package init(
        origin: String, messageID: String, sender: String, type: String, messages: [ToDeviceSent.Message]
    ) {
        self.origin = origin
        self.messageID = messageID
        self.sender = sender
        self.type = type
        self.messages = messages
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "ToDeviceReceived")
        origin = try json.string("origin")
        messageID = try json.string("message_id")
        // The rest is what a local sending says.
        let sent = try ToDeviceSent(payload: payload)
        sender = sent.sender
        type = sent.type
        messages = sent.messages
    }

    package func payload() -> [UInt8] {
        var json = JSONWriter(capacity: messages.reduce(256) { $0 + $1.content.count + 128 })
        json.beginObject()
        json.field("message_id", messageID)
        json.key("messages")
        json.beginArray()
        for message in messages {
            json.beginObject()
            json.field("content", raw: message.content)
            json.field("devices", message.deviceIDs)
            json.field("user_id", message.userID)
            json.endObject()
        }
        json.endArray()
        json.field("origin", origin)
        json.field("sender", sender)
        json.field("type", type)
        json.endObject()
        return json.bytes
    }
}
