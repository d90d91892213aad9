import CanonicalJSON
package import EventLog

/// Somebody told the administrators of a room, an event or a user.
package struct ReportFiled: LogEvent, Hashable {
    package static let kind = RecordKind.reportFiled

    package var reporter: String
    /// The room that is reported, or in which the reported event is.
    package var roomID: String?
    package var eventID: String?
    package var userID: String?
    package var reason: String
    /// From -100 (most offensive) to 0; older clients send it.
    package var score: Int64?

    package init(
        reporter: String, roomID: String? = nil, eventID: String? = nil, userID: String? = nil, reason: String,
        score: Int64? = nil
    ) {
        self.reporter = reporter
        self.roomID = roomID
        self.eventID = eventID
        self.userID = userID
        self.reason = reason
        self.score = score
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "ReportFiled")
        reporter = try json.string("reporter")
        roomID = json.optionalString("room_id")
        eventID = json.optionalString("event_id")
        userID = json.optionalString("user_id")
        reason = json.optionalString("reason") ?? ""
        score = json.optionalInteger("score")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "ReportFiled")
        json.set("reporter", reporter)
        json.set("room_id", roomID)
        json.set("event_id", eventID)
        json.set("user_id", userID)
        json.set("reason", reason)
        json.set("score", json: score.map(JSONValue.integer))
        return json.object.canonicalBytes()
    }
}
