package import CanonicalJSON
package import EventLog

/// A device logged in. A device of the same id loses its older tokens.
package struct DeviceRegistered: LogEvent, Hashable {
    package static let kind = RecordKind.deviceRegistered

    package var userID: String
    package var deviceID: String
    package var displayName: String?
    /// Unpadded base64 of the access token's BLAKE2b-256.
    package var tokenHash: String
    /// Wall time in milliseconds.
    package var tokenExpiresAtMs: Int64?
    package var refreshHash: String?
    package var refreshExpiresAtMs: Int64?
    package var ip: String?
    package var userAgent: String?

    package init(
        userID: String,
        deviceID: String,
        displayName: String? = nil,
        tokenHash: String,
        tokenExpiresAtMs: Int64? = nil,
        refreshHash: String? = nil,
        refreshExpiresAtMs: Int64? = nil,
        ip: String? = nil,
        userAgent: String? = nil
    ) {
        self.userID = userID
        self.deviceID = deviceID
        self.displayName = displayName
        self.tokenHash = tokenHash
        self.tokenExpiresAtMs = tokenExpiresAtMs
        self.refreshHash = refreshHash
        self.refreshExpiresAtMs = refreshExpiresAtMs
        self.ip = ip
        self.userAgent = userAgent
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "DeviceRegistered")
        userID = try json.string("user_id")
        deviceID = try json.string("device_id")
        displayName = json.optionalString("display_name")
        tokenHash = try json.string("token_hash")
        tokenExpiresAtMs = json.optionalInteger("token_expires_ms")
        refreshHash = json.optionalString("refresh_hash")
        refreshExpiresAtMs = json.optionalInteger("refresh_expires_ms")
        ip = json.optionalString("ip")
        userAgent = json.optionalString("user_agent")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "DeviceRegistered")
        json.set("user_id", userID)
        json.set("device_id", deviceID)
        json.set("display_name", displayName)
        json.set("token_hash", tokenHash)
        json.set("token_expires_ms", tokenExpiresAtMs)
        json.set("refresh_hash", refreshHash)
        json.set("refresh_expires_ms", refreshExpiresAtMs)
        json.set("ip", ip)
        json.set("user_agent", userAgent)
        return json.object.canonicalBytes()
    }
}

/// A refresh token was spent: the device's older tokens end once the new ones are used or at once when `old` names them.
package struct TokensRefreshed: LogEvent, Hashable {
    package static let kind = RecordKind.tokensRefreshed

    package var userID: String
    package var deviceID: String
    package var oldRefreshHash: String
    package var tokenHash: String
    package var tokenExpiresAtMs: Int64?
    package var refreshHash: String?
    package var refreshExpiresAtMs: Int64?

    package init(
        userID: String,
        deviceID: String,
        oldRefreshHash: String,
        tokenHash: String,
        tokenExpiresAtMs: Int64? = nil,
        refreshHash: String? = nil,
        refreshExpiresAtMs: Int64? = nil
    ) {
        self.userID = userID
        self.deviceID = deviceID
        self.oldRefreshHash = oldRefreshHash
        self.tokenHash = tokenHash
        self.tokenExpiresAtMs = tokenExpiresAtMs
        self.refreshHash = refreshHash
        self.refreshExpiresAtMs = refreshExpiresAtMs
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "TokensRefreshed")
        userID = try json.string("user_id")
        deviceID = try json.string("device_id")
        oldRefreshHash = try json.string("old_refresh_hash")
        tokenHash = try json.string("token_hash")
        tokenExpiresAtMs = json.optionalInteger("token_expires_ms")
        refreshHash = json.optionalString("refresh_hash")
        refreshExpiresAtMs = json.optionalInteger("refresh_expires_ms")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "TokensRefreshed")
        json.set("user_id", userID)
        json.set("device_id", deviceID)
        json.set("old_refresh_hash", oldRefreshHash)
        json.set("token_hash", tokenHash)
        json.set("token_expires_ms", tokenExpiresAtMs)
        json.set("refresh_hash", refreshHash)
        json.set("refresh_expires_ms", refreshExpiresAtMs)
        return json.object.canonicalBytes()
    }
}

/// A device has another display name.
package struct DeviceRenamed: LogEvent, Hashable {
    package static let kind = RecordKind.deviceRenamed

    package var userID: String
    package var deviceID: String
    package var displayName: String?

    package init(
        userID: String,
        deviceID: String,
        displayName: String? = nil
    ) {
        self.userID = userID
        self.deviceID = deviceID
        self.displayName = displayName
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "DeviceRenamed")
        userID = try json.string("user_id")
        deviceID = try json.string("device_id")
        displayName = json.optionalString("display_name")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "DeviceRenamed")
        json.set("user_id", userID)
        json.set("device_id", deviceID)
        json.set("display_name", displayName)
        return json.object.canonicalBytes()
    }
}

/// Devices logged out or were deleted; their tokens end.
package struct DevicesRemoved: LogEvent, Hashable {
    package static let kind = RecordKind.devicesRemoved

    package var userID: String
    package var deviceIDs: [String]

    package init(
        userID: String,
        deviceIDs: [String]
    ) {
        self.userID = userID
        self.deviceIDs = deviceIDs
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "DevicesRemoved")
        userID = try json.string("user_id")
        deviceIDs = json.object["device_ids"]?.arrayValue?.compactMap(\.stringValue) ?? []
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "DevicesRemoved")
        json.set("user_id", userID)
        json.set("device_ids", json: .array(deviceIDs.map(JSONValue.string)))
        return json.object.canonicalBytes()
    }
}

/// Where devices were last seen; written in batches, at most every few minutes.
package struct DevicesSeen: LogEvent, Hashable {
    package static let kind = RecordKind.devicesSeen

    /// Array of objects: user_id, device_id, ip, user_agent, ts (milliseconds).
    package var sightings: JSONValue

    package init(
        sightings: JSONValue
    ) {
        self.sightings = sightings
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "DevicesSeen")
        sightings = json.object["sightings"] ?? .null
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "DevicesSeen")
        json.set("sightings", json: sightings)
        return json.object.canonicalBytes()
    }
}
