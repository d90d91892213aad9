import CanonicalJSON
import EventLog
import KeyValueStore
import MatrixEvents
import MatrixIdentifiers
import ReadModel
import RoomVersions

/// How a directory shows a room.
struct RoomDescription {
    var roomID: String
    var joinedMembers: UInt64
    var name: String?
    var topic: String?
    var avatarURL: String?
    var canonicalAlias: String?
    var isWorldReadable: Bool
    var guestsCanJoin: Bool
    var joinRule: String
    var roomType: String?

    func append(to writer: inout JSONWriter) {
        writer.beginObject()
        appendMembers(to: &writer)
        writer.endObject()
    }

    func appendMembers(to writer: inout JSONWriter) {
        writer.field("room_id", roomID)
        writer.field("num_joined_members", Int(clamping: joinedMembers))
        writer.field("name", ifPresent: name)
        writer.field("topic", ifPresent: topic)
        writer.field("avatar_url", ifPresent: avatarURL)
        writer.field("canonical_alias", ifPresent: canonicalAlias)
        writer.field("world_readable", isWorldReadable)
        writer.field("guest_can_join", guestsCanJoin)
        writer.field("join_rule", joinRule)
        writer.field("room_type", ifPresent: roomType)
    }
}

/// What a summary says beyond a directory entry.
struct RoomDetails {
    var encryption: String?
    var roomVersion: String
    var allowedRoomIDs: [String]

    func appendMembers(to writer: inout JSONWriter) {
        writer.field("encryption", ifPresent: encryption)
        writer.field("room_version", roomVersion)
        if !allowedRoomIDs.isEmpty { writer.field("allowed_room_ids", allowedRoomIDs) }
    }
}

/// Makes descriptions; the numbers of the state entries it reads are looked up once.
struct RoomDescriber {
    private let snapshot: Snapshot
    private let name: SlotNum?
    private let topic: SlotNum?
    private let avatar: SlotNum?
    private let alias: SlotNum?
    private let visibility: SlotNum?
    private let guestAccess: SlotNum?
    private let joinRules: SlotNum?
    private let create: SlotNum?
    private let encryption: SlotNum?

    init(_ snapshot: Snapshot) throws {
        self.snapshot = snapshot
        name = try snapshot.slot("m.room.name", "")
        topic = try snapshot.slot("m.room.topic", "")
        avatar = try snapshot.slot("m.room.avatar", "")
        alias = try snapshot.slot("m.room.canonical_alias", "")
        visibility = try snapshot.slot("m.room.history_visibility", "")
        guestAccess = try snapshot.slot("m.room.guest_access", "")
        joinRules = try snapshot.slot("m.room.join_rules", "")
        create = try snapshot.slot("m.room.create", "")
        encryption = try snapshot.slot("m.room.encryption", "")
    }

    func describe(_ room: RoomNum, _ head: RoomHead) throws -> RoomDescription {
        RoomDescription(
            roomID: String(decoding: try snapshot.text(room), as: UTF8.self),
            joinedMembers: head.joinedCount,
            name: try text(room, name, "name"),
            topic: try text(room, topic, "topic"),
            avatarURL: try text(room, avatar, "url"),
            canonicalAlias: try text(room, alias, "alias"),
            isWorldReadable: HistoryVisibility(content: try content(room, visibility)) == .worldReadable,
            guestsCanJoin: try text(room, guestAccess, "guest_access") == "can_join",
            joinRule: try text(room, joinRules, "join_rule") ?? JoinRule.invite.rawValue,
            roomType: try text(room, create, "type")
        )
    }

    func details(_ room: RoomNum, _ head: RoomHead) throws -> RoomDetails {
        RoomDetails(
            encryption: try text(room, encryption, "algorithm"),
            roomVersion: head.roomVersion,
            allowedRoomIDs: Self.allowedRooms(try content(room, joinRules), head).map(\.rawValue))
    }

    /// "allowed_room_ids: If the room is a restricted room, these are the room IDs which are specified by the join rules."
    static func allowedRooms(_ joinRules: JSONObject?, _ head: RoomHead) -> [RoomID] {
        guard let joinRules, let version = RoomVersion.named(head.roomVersion) else { return [] }
        return AllowedRooms(content: joinRules, version: version)?.rooms ?? []
    }

    private func content(_ room: RoomNum, _ slot: SlotNum?) throws -> JSONObject? {
        guard let slot, let holder = try snapshot.currentHolder(room, slot) else { return nil }
        return ClientEventSlices(try snapshot.event(at: holder).clientJSON).parsedContent
    }

    /// A string of an entry's content; nil when absent or empty.
    private func text(_ room: RoomNum, _ slot: SlotNum?, _ name: String) throws -> String? {
        let text = try content(room, slot)?[name]?.stringValue
        return text?.isEmpty == true ? nil : text
    }
}
