import CanonicalJSON
package import EventLog

/// A user has read up to an event.
package struct ReceiptRecorded: LogEvent, Hashable {
    package static let kind = RecordKind.receiptRecorded

    package var userID: String
    package var roomID: String
    /// `m.read` or `m.read.private`.
    package var receiptType: String
    package var eventID: String
    package var threadID: String?
    package var timestampMs: Int64

    package init(
        userID: String,
        roomID: String,
        receiptType: String,
        eventID: String,
        threadID: String? = nil,
        timestampMs: Int64
    ) {
        self.userID = userID
        self.roomID = roomID
        self.receiptType = receiptType
        self.eventID = eventID
        self.threadID = threadID
        self.timestampMs = timestampMs
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "ReceiptRecorded")
        userID = try json.string("user_id")
        roomID = try json.string("room_id")
        receiptType = try json.string("type")
        eventID = try json.string("event_id")
        threadID = json.optionalString("thread_id")
        timestampMs = try json.integer("ts")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "ReceiptRecorded")
        json.set("user_id", userID)
        json.set("room_id", roomID)
        json.set("type", receiptType)
        json.set("event_id", eventID)
        json.set("thread_id", threadID)
        json.set("ts", timestampMs)
        return json.object.canonicalBytes()
    }
}

/// A user who had left a room forgot it.
package struct RoomForgotten: LogEvent, Hashable {
    package static let kind = RecordKind.roomForgotten

    package var userID: String
    package var roomID: String

    package init(
        userID: String,
        roomID: String
    ) {
        self.userID = userID
        self.roomID = roomID
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "RoomForgotten")
        userID = try json.string("user_id")
        roomID = try json.string("room_id")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "RoomForgotten")
        json.set("user_id", userID)
        json.set("room_id", roomID)
        return json.object.canonicalBytes()
    }
}

/// A local alias points to a room.
package struct AliasCreated: LogEvent, Hashable {
    package static let kind = RecordKind.aliasCreated

    package var alias: String
    package var roomID: String
    package var creator: String

    package init(
        alias: String,
        roomID: String,
        creator: String
    ) {
        self.alias = alias
        self.roomID = roomID
        self.creator = creator
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "AliasCreated")
        alias = try json.string("alias")
        roomID = try json.string("room_id")
        creator = try json.string("creator")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "AliasCreated")
        json.set("alias", alias)
        json.set("room_id", roomID)
        json.set("creator", creator)
        return json.object.canonicalBytes()
    }
}

/// A local alias is gone.
package struct AliasRemoved: LogEvent, Hashable {
    package static let kind = RecordKind.aliasRemoved

    package var alias: String

    package init(
        alias: String
    ) {
        self.alias = alias
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "AliasRemoved")
        alias = try json.string("alias")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "AliasRemoved")
        json.set("alias", alias)
        return json.object.canonicalBytes()
    }
}

/// A room was listed in, or taken from, the public room directory.
package struct DirectoryVisibilitySet: LogEvent, Hashable {
    package static let kind = RecordKind.directoryVisibilitySet

    package var roomID: String
    package var isPublic: Bool

    package init(
        roomID: String,
        isPublic: Bool = false
    ) {
        self.roomID = roomID
        self.isPublic = isPublic
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "DirectoryVisibilitySet")
        roomID = try json.string("room_id")
        isPublic = json.flag("public")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "DirectoryVisibilitySet")
        json.set("room_id", roomID)
        json.set("public", flag: isPublic)
        return json.object.canonicalBytes()
    }
}
