package import CanonicalJSON
package import EventLog

/// A user's membership of a room that nobody on this server is in: an invitation or a knock, and its end.
///
/// The room's state is not known here, so this is a fact of the user and not of the room.
package struct OutsideMembershipSet: LogEvent, Hashable {
    package static let kind = RecordKind.outsideMembershipSet

    package var userID: String
    package var roomID: String
    package var roomVersion: String
    package var eventID: String
    /// The member event as signed.
    package var event: JSONObject
    /// Stripped state that helps to know the room by: each entry has `content`, `sender`, `state_key` and `type`.
    package var roomState: [JSONObject]
    /// The server that this comes from.
    package var origin: String

    package init(
        userID: String, roomID: String, roomVersion: String, eventID: String, event: JSONObject,
        roomState: [JSONObject], origin: String
    ) {
        self.userID = userID
        self.roomID = roomID
        self.roomVersion = roomVersion
        self.eventID = eventID
        self.event = event
        self.roomState = roomState
        self.origin = origin
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "OutsideMembershipSet")
        userID = try json.string("user_id")
        roomID = try json.string("room_id")
        roomVersion = try json.string("room_version")
        eventID = try json.string("event_id")
        guard let event = json.object["event"]?.objectValue else {
            throw PayloadError(kind: json.kind, reason: "lacks the object event")
        }
        self.event = event
        roomState = json.object["room_state"]?.arrayValue?.compactMap(\.objectValue) ?? []
        origin = try json.string("origin")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "OutsideMembershipSet")
        json.set("user_id", userID)
        json.set("room_id", roomID)
        json.set("room_version", roomVersion)
        json.set("event_id", eventID)
        json.set("event", json: .object(event))
        if !roomState.isEmpty { json.set("room_state", json: .array(roomState.map { .object($0) })) }
        json.set("origin", origin)
        return json.object.canonicalBytes()
    }
}
