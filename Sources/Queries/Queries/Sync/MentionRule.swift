import CanonicalJSON
import EventLog
import KeyValueStore
import MatrixEvents
import MatrixIdentifiers
import ReadModel
import RoomVersions

/// The default push rules `.m.rule.is_user_mention` and `.m.rule.is_room_mention` for one user and room.
struct MentionRule {
    private let snapshot: Snapshot
    private let room: RoomNum
    private let userID: String

    init(_ snapshot: Snapshot, room: RoomNum, user: UserNum) throws {
        self.snapshot = snapshot
        self.room = room
        userID = String(decoding: try snapshot.text(user), as: UTF8.self)
    }

    func matches(_ event: EventRow) throws -> Bool {
        guard let content = ClientEventSlices(event.clientJSON).parsedContent, let mentions = content["m.mentions"]
        else { return false }
        // The rules for notices and member events stand before those for mentions.
        if content["msgtype"]?.stringValue == "m.notice" || event.membership != .none { return false }
        let users = mentions["user_ids"]?.arrayValue ?? []
        if users.contains(where: { $0.stringValue?.utf8.elementsEqual(userID.utf8) == true }) { return true }
        guard mentions["room"]?.boolValue == true else { return false }
        return try mayNotifyRoom(event.sender)
    }

    /// "Matches any message from a sender with the proper power level": the `room` level of `notifications`.
    private func mayNotifyRoom(_ sender: UserNum) throws -> Bool {
        let sender = try snapshot.userID(sender)
        guard let head = try snapshot.head(of: room), let version = RoomVersion.named(head.roomVersion) else {
            return false
        }
        let creators = try content("m.room.create").flatMap { create in
            UserID(create.sender).map { RoomCreators(sender: $0, content: create.content, version: version) }
        }
        let levels = PowerLevels(
            content: try content("m.room.power_levels")?.content, creators: creators, version: version)
        return levels.level(of: sender) >= levels.required(forNotification: "room")
    }

    private func content(_ type: String) throws -> (content: JSONObject, sender: String)? {
        guard let holder = try snapshot.currentHolder(room, type) else { return nil }
        let slices = ClientEventSlices(try snapshot.event(at: holder).clientJSON)
        return slices.parsedContent.map { ($0, ClientEventSlices.text(slices.sender)) }
    }
}
