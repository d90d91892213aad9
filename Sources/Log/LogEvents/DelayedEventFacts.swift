package import CanonicalJSON
package import EventLog

/// Somebody asked for an event to be sent later (MSC4140).
package struct DelayedEventScheduled: LogEvent, Hashable {
    package static let kind = RecordKind.delayedEventScheduled

    package var delayID: String
    package var userID: String
    package var roomID: String
    package var type: String
    /// Nil for an event that is no state event.
    package var stateKey: String?
    package var content: JSONValue
    package var delayMs: Int64
    package var atMs: Int64
    /// The client's transaction, so that a repeated request gets the same answer.
    package var deviceID: String?
    package var transactionID: String?

    package init(
        delayID: String, userID: String, roomID: String, type: String, stateKey: String?, content: JSONValue,
        delayMs: Int64, atMs: Int64, deviceID: String?, transactionID: String?
    ) {
        self.delayID = delayID
        self.userID = userID
        self.roomID = roomID
        self.type = type
        self.stateKey = stateKey
        self.content = content
        self.delayMs = delayMs
        self.atMs = atMs
        self.deviceID = deviceID
        self.transactionID = transactionID
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "DelayedEventScheduled")
        delayID = try json.string("delay_id")
        userID = try json.string("user_id")
        roomID = try json.string("room_id")
        type = try json.string("type")
        stateKey = json.optionalString("state_key")
        content = json.object["content"] ?? [:]
        delayMs = try json.integer("delay_ms")
        atMs = try json.integer("at_ms")
        deviceID = json.optionalString("device_id")
        transactionID = json.optionalString("transaction_id")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "DelayedEventScheduled")
        json.set("delay_id", delayID)
        json.set("user_id", userID)
        json.set("room_id", roomID)
        json.set("type", type)
        json.set("state_key", stateKey)
        json.set("content", json: content)
        json.set("delay_ms", delayMs)
        json.set("at_ms", atMs)
        json.set("device_id", deviceID)
        json.set("transaction_id", transactionID)
        return json.object.canonicalBytes()
    }
}

/// The time of a delayed event began anew.
package struct DelayedEventRestarted: LogEvent, Hashable {
    package static let kind = RecordKind.delayedEventRestarted

    package var delayID: String
    package var userID: String
    package var atMs: Int64

    package init(delayID: String, userID: String, atMs: Int64) {
        self.delayID = delayID
        self.userID = userID
        self.atMs = atMs
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "DelayedEventRestarted")
        delayID = try json.string("delay_id")
        userID = try json.string("user_id")
        atMs = try json.integer("at_ms")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "DelayedEventRestarted")
        json.set("delay_id", delayID)
        json.set("user_id", userID)
        json.set("at_ms", atMs)
        return json.object.canonicalBytes()
    }
}

/// A delayed event was sent, in the commit that has the event, or never will be.
package struct DelayedEventFinalised: LogEvent, Hashable {
    package static let kind = RecordKind.delayedEventFinalised

    package var delayID: String
    package var userID: String
    package var atMs: Int64
    /// Nil when it was not sent.
    package var eventID: String?
    /// Why it could not be sent; nil with no event either: it was cancelled.
    package var error: JSONValue?

    package init(delayID: String, userID: String, atMs: Int64, eventID: String? = nil, error: JSONValue? = nil) {
        self.delayID = delayID
        self.userID = userID
        self.atMs = atMs
        self.eventID = eventID
        self.error = error
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "DelayedEventFinalised")
        delayID = try json.string("delay_id")
        userID = try json.string("user_id")
        atMs = try json.integer("at_ms")
        eventID = json.optionalString("event_id")
        error = json.object["error"]
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "DelayedEventFinalised")
        json.set("delay_id", delayID)
        json.set("user_id", userID)
        json.set("at_ms", atMs)
        json.set("event_id", eventID)
        json.set("error", json: error)
        return json.object.canonicalBytes()
    }
}
