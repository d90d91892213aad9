package import CanonicalJSON
import Decisions
import EventLog
import LogEvents
import MatrixEvents
package import MatrixIdentifiers
import Queries
import ReadModel

extension RoomCommands {
    /// Records how far a user has read. A receipt for an earlier event than the last one changes nothing.
    ///
    /// - Parameter type: `m.read` or `m.read.private`; `m.fully_read` sets the room's account data.
    package func setReceipt(
        room: RoomID,
        type: String,
        eventID: EventID,
        threadID: String?,
        caller: Caller
    ) async throws {
        if type == "m.fully_read" {
            guard threadID == nil else { throw Rejection.invalidParam("m.fully_read does not know threads.") }
            return try await setReadMarkers(
                room: room, body: ["m.fully_read": .string(eventID.rawValue)], caller: caller)
        }
        guard type == "m.read" || type == "m.read.private" else {
            throw Rejection.invalidParam("The receipt type must be m.read, m.read.private or m.fully_read.")
        }
        if let threadID, threadID.isEmpty { throw Rejection.invalidParam("thread_id must not be empty.") }
        try requireJoined(room, caller: caller)
        guard let fact = try receipt(room: room, type: type, eventID: eventID, threadID: threadID, caller: caller)
        else {
            return
        }
        try await appendUserFact(fact, caller: caller)
    }

    /// "Sets the position of the read marker for a given room, and optionally the read receipt's location."
    package func setReadMarkers(room: RoomID, body: JSONObject, caller: Caller) async throws {
        try requireJoined(room, caller: caller)
        var records: [NewRecord] = []
        let stream = StreamID(kind: .user, name: caller.userID.rawValue)
        for type in ["m.fully_read", "m.read", "m.read.private"] {
            guard let value = body[type], !value.isNull else { continue }
            guard let text = value.stringValue else { throw Rejection.badJSON("\(type) must be an event ID.") }
            guard let eventID = EventID(text) else { throw Rejection.invalidParam("\(type) is not an event ID.") }
            if type == "m.fully_read" {
                let fact = AccountDataSet(
                    userID: caller.userID.rawValue,
                    roomID: room.rawValue,
                    type: "m.fully_read",
                    content: ["event_id": .string(eventID.rawValue)]
                )
                records.append(fact.record(stream: stream, actor: caller.userID.rawValue, cause: caller.requestID))
            } else if let fact = try receipt(room: room, type: type, eventID: eventID, threadID: nil, caller: caller) {
                records.append(fact.record(stream: stream, actor: caller.userID.rawValue, cause: caller.requestID))
            }
        }
        guard !records.isEmpty else { return }
        _ = try await environment.log.append(LogBatch(records: records, expected: []))
    }

    private func receipt(
        room: RoomID,
        type: String,
        eventID: EventID,
        threadID: String?,
        caller: Caller
    ) throws -> ReceiptRecorded? {
        let previous = try ReceiptQueries(views: environment.views).receipt(
            room, user: caller.userID, type: type, threadID: threadID)
        if let previous {
            if previous.eventID == eventID.rawValue { return nil }
            if let position = try rooms.eventPosition(eventID), previous.eventPosition >= position { return nil }
        }
        return ReceiptRecorded(
            userID: caller.userID.rawValue,
            roomID: room.rawValue,
            receiptType: type,
            eventID: eventID.rawValue,
            threadID: threadID,
            timestampMs: environment.nowMs()
        )
    }

    // MARK: Shared

    func requireJoined(_ room: RoomID, caller: Caller) throws {
        guard try rooms.membership(room, caller.userID)?.membership == .join else {
            throw Rejection.forbidden("You are not in this room.")
        }
    }

    /// The power levels of a room as its projections have them.
    func powerLevels(of room: RoomID) throws -> PowerLevels {
        var head = try loader.load(room)
        return try head.powerLevels()
    }

    func appendUserFact(_ fact: some LogEvent, caller: Caller) async throws {
        let stream = StreamID(kind: .user, name: caller.userID.rawValue)
        let record = fact.record(stream: stream, actor: caller.userID.rawValue, cause: caller.requestID)
        _ = try await environment.log.append(LogBatch(records: [record], expected: []))
    }
}

extension PowerLevels {
    /// Whether a user has the level to send a state event of this type.
    func mayCaller(_ user: UserID, sendState type: String) -> Bool {
        level(of: user) >= required(forType: type, isState: true)
    }
}
