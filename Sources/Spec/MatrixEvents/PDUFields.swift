internal import CanonicalJSON
internal import MatrixIdentifiers
internal import RoomVersions

/// The checked members of a PDU ("Event format" of each room version, "Size limits").
struct PDUFields {
    static let maximumEventBytes = 65_536
    static let maximumMemberBytes = 255
    /// `prev_events` "Must contain less than or equal to 20 events."
    static let maximumPrevEvents = 20
    /// `auth_events` "Must contain less than or equal to 10 events."
    static let maximumAuthEvents = 10

    let type: String
    let sender: UserID
    let roomID: RoomID?
    let stateKey: String?
    let content: JSONObject
    let depth: Int64
    let originServerTS: Int64
    let prevEvents: [EventID]
    let authEvents: [EventID]
    let redacts: EventID?

    init(reading object: JSONObject, version: RoomVersion, isSigned: Bool) throws(PDUError) {
        type = try Self.limitedString("type", of: object)
        sender = try Self.identifier("sender", of: object)
        stateKey = object.contains("state_key") ? try Self.limitedString("state_key", of: object) : nil
        content = try Self.object("content", of: object)
        depth = try Self.integer("depth", of: object)
        // "The maximum depth of the `prev_events`, plus one."
        guard depth >= 0, depth <= version.maximumDepth else { throw .outOfRange("depth") }
        originServerTS = try Self.integer("origin_server_ts", of: object)
        prevEvents = try Self.eventIDs("prev_events", of: object, atMost: Self.maximumPrevEvents, version: version)
        authEvents = try Self.eventIDs("auth_events", of: object, atMost: Self.maximumAuthEvents, version: version)
        // v12: "Omitted from `m.room.create` events." One that has it all the same falls to authorization rule 1.2.
        let mayLackRoom = version.roomIDIsCreateHash && type.hasSameBytes(as: "m.room.create")
        roomID = mayLackRoom && !object.contains("room_id") ? nil : try Self.identifier("room_id", of: object)
        if version.eventIDFormat == .opaque {
            let _: EventID = try Self.identifier("event_id", of: object)
        }
        if isSigned {
            _ = try Self.object("hashes", of: object)
            _ = try Self.object("signatures", of: object)
        }
        redacts = Self.redacts(of: object, type: type, content: content, version: version)
    }

    /// v11: "The `redacts` property of `m.room.redaction` events is moved from a top-level event property to a property
    /// under the event `content`." What names no event is treated as absent; such a redaction redacts nothing.
    private static func redacts(
        of object: JSONObject, type: String, content: JSONObject, version: RoomVersion
    )
        -> EventID?
    {
        guard type.hasSameBytes(as: "m.room.redaction") else { return nil }
        let value = version.redactsInContent ? content["redacts"] : object["redacts"]
        return value?.stringValue.flatMap { EventID($0) }
    }

    private static func limitedString(_ member: String, of object: JSONObject) throws(PDUError) -> String {
        guard let value = object[member] else { throw .missing(member) }
        guard let string = value.stringValue else { throw .wrongType(member) }
        guard string.utf8.count <= maximumMemberBytes else { throw .tooLarge(member) }
        return string
    }

    private static func identifier<Identifier: MatrixIdentifier>(
        _ member: String,
        of object: JSONObject
    ) throws(PDUError) -> Identifier {
        let string = try limitedString(member, of: object)
        do throws(IdentifierError) {
            return try Identifier(parsing: string)
        } catch {
            throw PDUError.invalidIdentifier(member)
        }
    }

    private static func integer(_ member: String, of object: JSONObject) throws(PDUError) -> Int64 {
        guard let value = object[member] else { throw .missing(member) }
        guard let integer = value.integerValue else { throw .wrongType(member) }
        return integer
    }

    private static func object(_ member: String, of object: JSONObject) throws(PDUError) -> JSONObject {
        guard let value = object[member] else { throw .missing(member) }
        guard let result = value.objectValue else { throw .wrongType(member) }
        return result
    }

    /// Event IDs, which in v1 and v2 stand in pairs: "lists of `(event_id, hash)` pairs".
    private static func eventIDs(
        _ member: String,
        of object: JSONObject,
        atMost limit: Int,
        version: RoomVersion
    ) throws(PDUError) -> [EventID] {
        guard let value = object[member] else { throw .missing(member) }
        guard let elements = value.arrayValue else { throw .wrongType(member) }
        guard elements.count <= limit else { throw .tooMany(member) }
        var result: [EventID] = []
        result.reserveCapacity(elements.count)
        for element in elements {
            let string: String
            if version.eventIDFormat == .opaque {
                guard let pair = element.arrayValue, pair.count == 2, let first = pair[0].stringValue else {
                    throw .wrongType(member)
                }
                string = first
            } else {
                guard let plain = element.stringValue else { throw .wrongType(member) }
                string = plain
            }
            guard let eventID = EventID(string) else { throw .invalidIdentifier(member) }
            result.append(eventID)
        }
        return result
    }
}
