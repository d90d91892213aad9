package import CanonicalJSON
package import MatrixIdentifiers
package import RoomVersions

/// A persistent data unit: an event as servers exchange it, with the event format of its room version checked.
///
/// A PDU never carries `unsigned`; what servers add to an event is not part of it.
package struct PDU: Sendable {
    /// The whole event, without `unsigned`.
    package let object: JSONObject
    /// `object` as canonical JSON.
    package let bytes: [UInt8]
    package let type: String
    package let sender: UserID
    /// As the event says it: nil for the create event of a version whose room IDs are hashes.
    package let roomID: RoomID?
    /// Present for state events, also when empty.
    package let stateKey: String?
    package let content: JSONObject
    package let depth: Int64
    /// Milliseconds since 1970 by the clock of the sender's server.
    package let originServerTS: Int64
    package let prevEvents: [EventID]
    package let authEvents: [EventID]
    /// The event that an `m.room.redaction` names, wherever its room version puts it; nil when it names none.
    package let redacts: EventID?

    /// Parses canonical bytes, as the log stores them.
    ///
    /// The bytes are kept as they are: text from elsewhere, which may be spelt differently, goes through
    /// `init(object:version:)`. A member `unsigned` is dropped.
    package init(parsing bytes: [UInt8], version: RoomVersion) throws(PDUError) {
        let parsed: JSONObject?
        do throws(JSONError) {
            let limits: JSONLimits = version.strictCanonicalJSON ? .pdu : .historicalPDU
            parsed = try JSONObject.parse(bytes, limits: limits)
        } catch {
            throw .notJSON(error.message)
        }
        guard var object = parsed else { throw .notAnObject }
        if object.removeValue(forKey: "unsigned") != nil {
            try self.init(checking: object, bytes: object.canonicalBytes(), version: version, isSigned: true)
        } else {
            try self.init(checking: object, bytes: bytes, version: version, isSigned: true)
        }
    }

    /// Checks a parsed object; a member `unsigned` is dropped.
    package init(object: JSONObject, version: RoomVersion) throws(PDUError) {
        try self.init(unchecked: object, version: version, isSigned: true)
    }

    /// Checks an object whose canonical form is at hand, such as one that was just signed.
    package init(object: JSONObject, bytes: [UInt8], version: RoomVersion) throws(PDUError) {
        guard !object.contains("unsigned") else {
            try self.init(unchecked: object, version: version, isSigned: true)
            return
        }
        if version.strictCanonicalJSON, !object.hasOnlyCanonicalNumbers { throw .notCanonical }
        try self.init(checking: object, bytes: bytes, version: version, isSigned: true)
    }

    /// Checks an event that has no hashes and signatures yet.
    package init(draft object: JSONObject, version: RoomVersion) throws(PDUError) {
        try self.init(unchecked: object, version: version, isSigned: false)
    }

    private init(unchecked: JSONObject, version: RoomVersion, isSigned: Bool) throws(PDUError) {
        var object = unchecked
        object.removeValue(forKey: "unsigned")
        if version.strictCanonicalJSON, !object.hasOnlyCanonicalNumbers { throw .notCanonical }
        try self.init(checking: object, bytes: object.canonicalBytes(), version: version, isSigned: isSigned)
    }

    private init(checking object: JSONObject, bytes: [UInt8], version: RoomVersion, isSigned: Bool) throws(PDUError) {
        let fields = try PDUFields(reading: object, version: version, isSigned: isSigned)
        // "The complete event MUST NOT be larger than 65536 bytes, […] including any signatures, and encoded as
        // Canonical JSON."
        if bytes.count > PDUFields.maximumEventBytes { throw .tooLarge("event") }
        self.object = object
        self.bytes = bytes
        type = fields.type
        sender = fields.sender
        roomID = fields.roomID
        stateKey = fields.stateKey
        content = fields.content
        depth = fields.depth
        originServerTS = fields.originServerTS
        prevEvents = fields.prevEvents
        authEvents = fields.authEvents
        redacts = fields.redacts
    }

    /// Whether this is a state event.
    package var isState: Bool { stateKey != nil }

    /// The room: the one the event names, or for a create event without `room_id` the one its own ID names.
    package func effectiveRoomID(eventID: EventID) -> RoomID { roomID ?? RoomID(createEventID: eventID) }
}
