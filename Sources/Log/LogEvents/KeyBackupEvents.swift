package import CanonicalJSON
package import EventLog

/// A key backup was begun; keys go only to the newest.
package struct BackupVersionCreated: LogEvent, Hashable {
    package static let kind = RecordKind.backupVersionCreated

    package var userID: String
    package var version: UInt64
    package var algorithm: String
    package var authData: JSONValue

    package init(userID: String, version: UInt64, algorithm: String, authData: JSONValue) {
        self.userID = userID
        self.version = version
        self.algorithm = algorithm
        self.authData = authData
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "BackupVersionCreated")
        userID = try json.string("user_id")
        version = UInt64(clamping: try json.integer("version"))
        algorithm = try json.string("algorithm")
        authData = json.object["auth_data"] ?? .null
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "BackupVersionCreated")
        json.set("user_id", userID)
        json.set("version", Int64(clamping: version))
        json.set("algorithm", algorithm)
        json.set("auth_data", json: authData)
        return json.object.canonicalBytes()
    }
}

/// What authenticates a key backup was changed.
package struct BackupVersionChanged: LogEvent, Hashable {
    package static let kind = RecordKind.backupVersionChanged

    package var userID: String
    package var version: UInt64
    package var authData: JSONValue

    package init(userID: String, version: UInt64, authData: JSONValue) {
        self.userID = userID
        self.version = version
        self.authData = authData
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "BackupVersionChanged")
        userID = try json.string("user_id")
        version = UInt64(clamping: try json.integer("version"))
        authData = json.object["auth_data"] ?? .null
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "BackupVersionChanged")
        json.set("user_id", userID)
        json.set("version", Int64(clamping: version))
        json.set("auth_data", json: authData)
        return json.object.canonicalBytes()
    }
}

/// A key backup was deleted with all its keys.
package struct BackupVersionDeleted: LogEvent, Hashable {
    package static let kind = RecordKind.backupVersionDeleted

    package var userID: String
    package var version: UInt64

    package init(userID: String, version: UInt64) {
        self.userID = userID
        self.version = version
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "BackupVersionDeleted")
        userID = try json.string("user_id")
        version = UInt64(clamping: try json.integer("version"))
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "BackupVersionDeleted")
        json.set("user_id", userID)
        json.set("version", Int64(clamping: version))
        return json.object.canonicalBytes()
    }
}

/// Keys were put into a backup: those that the rule of replacement prefers to what was there.
package struct BackupKeysStored: LogEvent, Hashable {
    package static let kind = RecordKind.backupKeysStored

    package var userID: String
    package var version: UInt64
    /// Room id to session id to key data.
    package var rooms: JSONObject

    package init(userID: String, version: UInt64, rooms: JSONObject) {
        self.userID = userID
        self.version = version
        self.rooms = rooms
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "BackupKeysStored")
        userID = try json.string("user_id")
        version = UInt64(clamping: try json.integer("version"))
        rooms = json.object["rooms"]?.objectValue ?? [:]
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "BackupKeysStored")
        json.set("user_id", userID)
        json.set("version", Int64(clamping: version))
        json.set("rooms", json: .object(rooms))
        return json.object.canonicalBytes()
    }
}

/// Keys were taken out of a backup: one session, a room, or all.
package struct BackupKeysRemoved: LogEvent, Hashable {
    package static let kind = RecordKind.backupKeysRemoved

    package var userID: String
    package var version: UInt64
    package var roomID: String?
    package var sessionID: String?

    package init(userID: String, version: UInt64, roomID: String?, sessionID: String?) {
        self.userID = userID
        self.version = version
        self.roomID = roomID
        self.sessionID = sessionID
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "BackupKeysRemoved")
        userID = try json.string("user_id")
        version = UInt64(clamping: try json.integer("version"))
        roomID = json.optionalString("room_id")
        sessionID = json.optionalString("session_id")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "BackupKeysRemoved")
        json.set("user_id", userID)
        json.set("version", Int64(clamping: version))
        json.set("room_id", roomID)
        json.set("session_id", sessionID)
        return json.object.canonicalBytes()
    }
}
