import CanonicalJSON
package import EventLog

/// Messages were sent to devices; `*` has been replaced by the devices there were.
package struct ToDeviceSent: LogEvent, Hashable {
    package static let kind = RecordKind.toDeviceSent

    /// One content for some devices of one user. A device occurs once in a record.
    package struct Message: Sendable, Hashable {
        package var userID: String
        package var deviceIDs: [String]
        /// Rendered JSON.
        package var content: [UInt8]

        package init(userID: String, deviceIDs: [String], content: [UInt8]) {
            self.userID = userID
            self.deviceIDs = deviceIDs
            self.content = content
        }
    }

    package var sender: String
    /// The client's transaction, with the device that it counts for.
    package var senderDevice: String?
    package var transactionID: String?
    package var type: String
    package var messages: [Message]

    package init(
        sender: String, senderDevice: String? = nil, transactionID: String? = nil, type: String, messages: [Message]
    ) {
        self.sender = sender
        self.senderDevice = senderDevice
        self.transactionID = transactionID
        self.type = type
        self.messages = messages
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let kind = "ToDeviceSent"
        let document: JSONDocument
        do {
            document = try JSONDocument(parsing: payload, limits: .storedPayload)
        } catch {
            throw PayloadError(kind: kind, reason: "is not JSON: \(error)")
        }
        let root = document.root
        guard let sender = root["sender"]?.string, let type = root["type"]?.string,
            let elements = root["messages"]?.elements
        else { throw PayloadError(kind: kind, reason: "lacks sender, type or messages") }
        self.sender = sender
        self.type = type
        senderDevice = root["sender_device"]?.string
        transactionID = root["txn_id"]?.string
        var messages: [Message] = []
        for element in elements {
            guard let userID = element["user_id"]?.string, let devices = element["devices"]?.elements,
                let content = element["content"]
            else { throw PayloadError(kind: kind, reason: "has a message without user_id, devices or content") }
            messages.append(
                Message(userID: userID, deviceIDs: devices.compactMap(\.string), content: content.canonicalBytes()))
        }
        self.messages = messages
    }

    package func payload() -> [UInt8] {
        var json = JSONWriter(capacity: messages.reduce(256) { $0 + $1.content.count + 128 })
        json.beginObject()
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
        json.field("sender", sender)
        json.field("sender_device", ifPresent: senderDevice)
        json.field("txn_id", ifPresent: transactionID)
        json.field("type", type)
        json.endObject()
        return json.bytes
    }
}

/// A device has what was sent to it up to a position, as a sync token showed: it is deleted.
package struct ToDeviceAcknowledged: LogEvent, Hashable {
    package static let kind = RecordKind.toDeviceAcknowledged

    package var userID: String
    package var deviceID: String
    package var upTo: LogPosition

    package init(userID: String, deviceID: String, upTo: LogPosition) {
        self.userID = userID
        self.deviceID = deviceID
        self.upTo = upTo
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "ToDeviceAcknowledged")
        userID = try json.string("user_id")
        deviceID = try json.string("device_id")
        let number = try json.integer("up_to")
        guard let position = UInt64(exactly: number) else {
            throw PayloadError(kind: "ToDeviceAcknowledged", reason: "up_to is negative")
        }
        upTo = LogPosition(rawValue: position)
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "ToDeviceAcknowledged")
        json.set("user_id", userID)
        json.set("device_id", deviceID)
        json.set("up_to", Int64(clamping: upTo.rawValue))
        return json.object.canonicalBytes()
    }
}
