package import CanonicalJSON
package import EventLog

/// A profile field changed; nil removes it.
package struct ProfileFieldSet: LogEvent, Hashable {
    package static let kind = RecordKind.profileFieldSet

    package var userID: String
    package var field: String
    package var value: JSONValue?

    package init(
        userID: String,
        field: String,
        value: JSONValue? = nil
    ) {
        self.userID = userID
        self.field = field
        self.value = value
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "ProfileFieldSet")
        userID = try json.string("user_id")
        field = try json.string("field")
        value = json.object["value"]
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "ProfileFieldSet")
        json.set("user_id", userID)
        json.set("field", field)
        json.set("value", json: value)
        return json.object.canonicalBytes()
    }
}

/// A user's account data, global or of one room, was replaced.
package struct AccountDataSet: LogEvent, Hashable {
    package static let kind = RecordKind.accountDataSet

    package var userID: String
    package var roomID: String?
    package var type: String
    package var content: JSONValue

    package init(
        userID: String,
        roomID: String? = nil,
        type: String,
        content: JSONValue
    ) {
        self.userID = userID
        self.roomID = roomID
        self.type = type
        self.content = content
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "AccountDataSet")
        userID = try json.string("user_id")
        roomID = json.optionalString("room_id")
        type = try json.string("type")
        content = json.object["content"] ?? .null
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "AccountDataSet")
        json.set("user_id", userID)
        json.set("room_id", roomID)
        json.set("type", type)
        json.set("content", json: content)
        return json.object.canonicalBytes()
    }
}

/// A user stored a sync filter.
package struct FilterCreated: LogEvent, Hashable {
    package static let kind = RecordKind.filterCreated

    package var userID: String
    package var filterID: String
    package var definition: JSONValue

    package init(
        userID: String,
        filterID: String,
        definition: JSONValue
    ) {
        self.userID = userID
        self.filterID = filterID
        self.definition = definition
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "FilterCreated")
        userID = try json.string("user_id")
        filterID = try json.string("filter_id")
        definition = json.object["definition"] ?? .null
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "FilterCreated")
        json.set("user_id", userID)
        json.set("filter_id", filterID)
        json.set("definition", json: definition)
        return json.object.canonicalBytes()
    }
}

/// A registration token was made, changed, or (removed) deleted.
package struct RegistrationTokenSet: LogEvent, Hashable {
    package static let kind = RecordKind.registrationTokenSet

    package var token: String
    package var usesAllowed: Int64?
    package var expiresAtMs: Int64?
    package var removed: Bool

    package init(
        token: String,
        usesAllowed: Int64? = nil,
        expiresAtMs: Int64? = nil,
        removed: Bool = false
    ) {
        self.token = token
        self.usesAllowed = usesAllowed
        self.expiresAtMs = expiresAtMs
        self.removed = removed
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "RegistrationTokenSet")
        token = try json.string("token")
        usesAllowed = json.optionalInteger("uses_allowed")
        expiresAtMs = json.optionalInteger("expires_ms")
        removed = json.flag("removed")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "RegistrationTokenSet")
        json.set("token", token)
        json.set("uses_allowed", usesAllowed)
        json.set("expires_ms", expiresAtMs)
        json.set("removed", flag: removed)
        return json.object.canonicalBytes()
    }
}
