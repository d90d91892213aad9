package import CanonicalJSON
package import EventLog

/// A user's device asked to be notified through a push gateway, or changed how.
package struct PusherSet: LogEvent, Hashable {
    package static let kind = RecordKind.pusherSet

    package var userID: String
    /// The device that asked; the pusher ends with it.
    package var deviceID: String?
    package var appID: String
    package var pushKey: String
    /// Whether pushers of other users with the same application and key stay.
    package var isAppended: Bool
    /// The pusher as clients see it, with all its members.
    package var pusher: JSONObject

    package init(
        userID: String, deviceID: String?, appID: String, pushKey: String, isAppended: Bool, pusher: JSONObject
    ) {
        self.userID = userID
        self.deviceID = deviceID
        self.appID = appID
        self.pushKey = pushKey
        self.isAppended = isAppended
        self.pusher = pusher
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "PusherSet")
        userID = try json.string("user_id")
        deviceID = json.optionalString("device_id")
        appID = try json.string("app_id")
        pushKey = try json.string("pushkey")
        isAppended = json.flag("append")
        pusher = try json.member("pusher")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "PusherSet")
        json.set("user_id", userID)
        json.set("device_id", deviceID)
        json.set("app_id", appID)
        json.set("pushkey", pushKey)
        json.set("append", flag: isAppended)
        json.set("pusher", json: .object(pusher))
        return json.object.canonicalBytes()
    }
}

/// A pusher is gone: its user or its gateway said so.
package struct PusherRemoved: LogEvent, Hashable {
    package static let kind = RecordKind.pusherRemoved

    package var userID: String
    package var appID: String
    package var pushKey: String
    /// For the administrator: `client`, or what the gateway said.
    package var reason: String

    package init(userID: String, appID: String, pushKey: String, reason: String) {
        self.userID = userID
        self.appID = appID
        self.pushKey = pushKey
        self.reason = reason
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "PusherRemoved")
        userID = try json.string("user_id")
        appID = try json.string("app_id")
        pushKey = try json.string("pushkey")
        reason = try json.string("reason")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "PusherRemoved")
        json.set("user_id", userID)
        json.set("app_id", appID)
        json.set("pushkey", pushKey)
        json.set("reason", reason)
        return json.object.canonicalBytes()
    }
}
