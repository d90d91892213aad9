package import CanonicalJSON
package import EventLog

/// A device of another server's user, as that server says.
package struct RemoteDevice: Sendable, Hashable {
    package var deviceID: String
    package var displayName: String?
    /// The identity keys; nil when the device has none.
    package var keys: JSONObject?

    package init(deviceID: String, displayName: String? = nil, keys: JSONObject? = nil) {
        self.deviceID = deviceID
        self.displayName = displayName
        self.keys = keys
    }

    init?(_ value: JSONValue) {
        guard let deviceID = value["device_id"]?.stringValue else { return nil }
        self.init(
            deviceID: deviceID, displayName: value["display_name"]?.stringValue, keys: value["keys"]?.objectValue)
    }

    var json: JSONValue {
        var object: JSONObject = ["device_id": .string(deviceID)]
        if let displayName { object["display_name"] = .string(displayName) }
        if let keys { object["keys"] = .object(keys) }
        return .object(object)
    }
}

/// Another server told all devices and cross-signing keys of one of its users (`GET /user/devices/{userId}`).
package struct RemoteDevicesLearned: LogEvent, Hashable {
    package static let kind = RecordKind.remoteDevicesLearned

    package var userID: String
    /// Where the user's updates had come to.
    package var streamID: Int64
    package var devices: [RemoteDevice]
    package var master: JSONObject?
    package var selfSigning: JSONObject?

    package init(
        userID: String, streamID: Int64, devices: [RemoteDevice], master: JSONObject?, selfSigning: JSONObject?
    ) {
        self.userID = userID
        self.streamID = streamID
        self.devices = devices
        self.master = master
        self.selfSigning = selfSigning
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "RemoteDevicesLearned")
        userID = try json.string("user_id")
        streamID = try json.integer("stream_id")
        devices = json.object["devices"]?.arrayValue?.compactMap(RemoteDevice.init) ?? []
        master = json.object["master_key"]?.objectValue
        selfSigning = json.object["self_signing_key"]?.objectValue
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "RemoteDevicesLearned")
        json.set("user_id", userID)
        json.set("stream_id", streamID)
        json.set("devices", json: .array(devices.map(\.json)))
        json.set("master_key", json: master.map(JSONValue.object))
        json.set("self_signing_key", json: selfSigning.map(JSONValue.object))
        return json.object.canonicalBytes()
    }
}

/// A device of another server's user changed or is gone, in a sequence of updates without a gap.
package struct RemoteDeviceUpdated: LogEvent, Hashable {
    package static let kind = RecordKind.remoteDeviceUpdated

    package var userID: String
    package var streamID: Int64
    package var isDeleted: Bool
    package var device: RemoteDevice

    package init(userID: String, streamID: Int64, isDeleted: Bool, device: RemoteDevice) {
        self.userID = userID
        self.streamID = streamID
        self.isDeleted = isDeleted
        self.device = device
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "RemoteDeviceUpdated")
        userID = try json.string("user_id")
        streamID = try json.integer("stream_id")
        isDeleted = json.flag("deleted")
        guard let device = json.object["device"].flatMap(RemoteDevice.init) else {
            throw PayloadError(kind: "RemoteDeviceUpdated", reason: "lacks the device")
        }
        self.device = device
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "RemoteDeviceUpdated")
        json.set("user_id", userID)
        json.set("stream_id", streamID)
        json.set("deleted", flag: isDeleted)
        json.set("device", json: device.json)
        return json.object.canonicalBytes()
    }
}

/// What is known of the devices of another server's user is out of date.
package struct RemoteDevicesOutdated: LogEvent, Hashable {
    package static let kind = RecordKind.remoteDevicesOutdated

    package var userID: String

    package init(userID: String) {
        self.userID = userID
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        userID = try JSONPayload(payload, kind: "RemoteDevicesOutdated").string("user_id")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "RemoteDevicesOutdated")
        json.set("user_id", userID)
        return json.object.canonicalBytes()
    }
}

/// Another server told new cross-signing keys of one of its users; those that are nil stay as they are.
package struct RemoteSigningKeysUpdated: LogEvent, Hashable {
    package static let kind = RecordKind.remoteSigningKeysUpdated

    package var userID: String
    package var master: JSONObject?
    package var selfSigning: JSONObject?

    package init(userID: String, master: JSONObject?, selfSigning: JSONObject?) {
        self.userID = userID
        self.master = master
        self.selfSigning = selfSigning
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "RemoteSigningKeysUpdated")
        userID = try json.string("user_id")
        master = json.object["master_key"]?.objectValue
        selfSigning = json.object["self_signing_key"]?.objectValue
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "RemoteSigningKeysUpdated")
        json.set("user_id", userID)
        json.set("master_key", json: master.map(JSONValue.object))
        json.set("self_signing_key", json: selfSigning.map(JSONValue.object))
        return json.object.canonicalBytes()
    }
}
