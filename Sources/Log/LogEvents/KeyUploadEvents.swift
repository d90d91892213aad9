package import CanonicalJSON
package import EventLog

/// A device published keys: only what is new to the server.
package struct DeviceKeysUploaded: LogEvent, Hashable {
    package static let kind = RecordKind.deviceKeysUploaded

    package var userID: String
    package var deviceID: String
    /// The identity keys as signed, without `unsigned`; nil when they stay.
    package var deviceKeys: JSONObject?
    /// `<algorithm>:<key id>` to key.
    package var oneTimeKeys: JSONObject
    /// The same; one of each algorithm, which replaces the one before.
    package var fallbackKeys: JSONObject

    package init(
        userID: String,
        deviceID: String,
        deviceKeys: JSONObject? = nil,
        oneTimeKeys: JSONObject = [:],
        fallbackKeys: JSONObject = [:]
    ) {
        self.userID = userID
        self.deviceID = deviceID
        self.deviceKeys = deviceKeys
        self.oneTimeKeys = oneTimeKeys
        self.fallbackKeys = fallbackKeys
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "DeviceKeysUploaded")
        userID = try json.string("user_id")
        deviceID = try json.string("device_id")
        deviceKeys = json.object["device_keys"]?.objectValue
        oneTimeKeys = json.object["one_time_keys"]?.objectValue ?? [:]
        fallbackKeys = json.object["fallback_keys"]?.objectValue ?? [:]
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "DeviceKeysUploaded")
        json.set("user_id", userID)
        json.set("device_id", deviceID)
        json.set("device_keys", json: deviceKeys.map(JSONValue.object))
        if !oneTimeKeys.isEmpty { json.set("one_time_keys", json: .object(oneTimeKeys)) }
        if !fallbackKeys.isEmpty { json.set("fallback_keys", json: .object(fallbackKeys)) }
        return json.object.canonicalBytes()
    }
}

/// A one-time key was given away, once and for all.
package struct OneTimeKeyClaimed: LogEvent, Hashable {
    package static let kind = RecordKind.oneTimeKeyClaimed

    package var userID: String
    package var deviceID: String
    /// `<algorithm>:<key id>`.
    package var keyName: String

    package init(userID: String, deviceID: String, keyName: String) {
        self.userID = userID
        self.deviceID = deviceID
        self.keyName = keyName
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "OneTimeKeyClaimed")
        userID = try json.string("user_id")
        deviceID = try json.string("device_id")
        keyName = try json.string("key")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "OneTimeKeyClaimed")
        json.set("user_id", userID)
        json.set("device_id", deviceID)
        json.set("key", keyName)
        return json.object.canonicalBytes()
    }
}

/// A fallback key was given away for the first time.
package struct FallbackKeyUsed: LogEvent, Hashable {
    package static let kind = RecordKind.fallbackKeyUsed

    package var userID: String
    package var deviceID: String
    /// `<algorithm>:<key id>`.
    package var keyName: String

    package init(userID: String, deviceID: String, keyName: String) {
        self.userID = userID
        self.deviceID = deviceID
        self.keyName = keyName
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "FallbackKeyUsed")
        userID = try json.string("user_id")
        deviceID = try json.string("device_id")
        keyName = try json.string("key")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "FallbackKeyUsed")
        json.set("user_id", userID)
        json.set("device_id", deviceID)
        json.set("key", keyName)
        return json.object.canonicalBytes()
    }
}

/// A device that nobody uses yet was stored, to receive keys until a new login takes it over (MSC3814).
package struct DehydratedDeviceSet: LogEvent, Hashable {
    package static let kind = RecordKind.dehydratedDeviceSet

    package var userID: String
    package var deviceID: String
    package var displayName: String?
    package var deviceData: JSONValue

    package init(userID: String, deviceID: String, displayName: String?, deviceData: JSONValue) {
        self.userID = userID
        self.deviceID = deviceID
        self.displayName = displayName
        self.deviceData = deviceData
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "DehydratedDeviceSet")
        userID = try json.string("user_id")
        deviceID = try json.string("device_id")
        displayName = json.optionalString("display_name")
        deviceData = json.object["device_data"] ?? .null
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "DehydratedDeviceSet")
        json.set("user_id", userID)
        json.set("device_id", deviceID)
        json.set("display_name", displayName)
        json.set("device_data", json: deviceData)
        return json.object.canonicalBytes()
    }
}

/// A user has no dehydrated device any more; the device itself goes with a ``DevicesRemoved``.
package struct DehydratedDeviceRemoved: LogEvent, Hashable {
    package static let kind = RecordKind.dehydratedDeviceRemoved

    package var userID: String
    package var deviceID: String

    package init(userID: String, deviceID: String) {
        self.userID = userID
        self.deviceID = deviceID
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "DehydratedDeviceRemoved")
        userID = try json.string("user_id")
        deviceID = try json.string("device_id")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "DehydratedDeviceRemoved")
        json.set("user_id", userID)
        json.set("device_id", deviceID)
        return json.object.canonicalBytes()
    }
}
