import CanonicalJSON
import MatrixEvents
import MatrixIdentifiers
import Queries

/// What a destination is to hear that may be lost: of each kind the newest, in bounded memory.
struct EphemeralMail: Sendable {
    enum Key: Hashable, Sendable {
        case typing(RoomID, UserID)
        case receipt(RoomID, UserID, thread: String?)
        case presence(UserID)
    }

    enum Content: Hashable, Sendable {
        case typing(Bool, atMs: Int64)
        case receipt(eventID: String, atMs: Int64)
        /// Read when it is told.
        case presence
    }

    struct Entry: Hashable, Sendable {
        let key: Key
        let content: Content
    }

    static let most = 1_000
    /// Whoever typed so long ago does so no more.
    static let typingLifetimeMs: Int64 = 30_000

    private var contents: [Key: Content] = [:]
    /// In the order in which they came; may name some that are gone.
    private var order: [Key] = []

    var isEmpty: Bool { contents.isEmpty }
    var count: Int { contents.count }

    mutating func put(_ entry: Entry) {
        if contents.updateValue(entry.content, forKey: entry.key) == nil { order.append(entry.key) }
        if contents.count > Self.most, let oldest = order.first {
            order.removeFirst()
            contents[oldest] = nil
        }
    }

    /// Takes the oldest out.
    mutating func take(_ limit: Int) -> [Entry] {
        var taken: [Entry] = []
        let keys = order.prefix(limit)
        for key in keys {
            if let content = contents.removeValue(forKey: key) { taken.append(Entry(key: key, content: content)) }
        }
        order.removeFirst(keys.count)
        return taken
    }

    /// Puts back what was not delivered, where nothing newer has come.
    mutating func putBack(_ entries: [Entry]) {
        var missing: [Key] = []
        for entry in entries where contents[entry.key] == nil && contents.count < Self.most {
            contents[entry.key] = entry.content
            missing.append(entry.key)
        }
        order = missing + order
    }

    mutating func removeAll() { self = EphemeralMail() }

    // MARK: EDUs

    /// The EDUs that tell of some entries.
    static func edus(
        _ entries: [Entry], nowMs: Int64, presence: (UserID) throws -> JSONObject?
    ) rethrows -> [EDU] {
        var edus: [EDU] = []
        var receipts: [JSONObject] = []
        var push: [JSONValue] = []
        for entry in entries {
            switch (entry.key, entry.content) {
            case (.typing(let room, let user), .typing(let isTyping, let atMs)):
                if isTyping, nowMs &- atMs > typingLifetimeMs { continue }
                let content: JSONObject = [
                    "room_id": .string(room.rawValue), "user_id": .string(user.rawValue), "typing": .bool(isTyping),
                ]
                edus.append(EDU(type: "m.typing", content: content))
            case (.receipt(let room, let user, let thread), .receipt(let eventID, let atMs)):
                var data: JSONObject = ["ts": .integer(atMs)]
                if let thread { data["thread_id"] = .string(thread) }
                add(["event_ids": [.string(eventID)], "data": .object(data)], of: user, in: room, to: &receipts)
            case (.presence(let user), .presence):
                if let update = try presence(user) { push.append(.object(update)) }
            default: continue
            }
        }
        edus += receipts.map { EDU(type: "m.receipt", content: $0) }
        if !push.isEmpty { edus.append(EDU(type: "m.presence", content: ["push": .array(push)])) }
        return edus
    }

    /// One EDU has one receipt of a user in a room; those of other threads go into others.
    private static func add(
        _ receipt: JSONObject, of user: UserID, in room: RoomID, to contents: inout [JSONObject]
    ) {
        for index in contents.indices where contents[index][room.rawValue]?["m.read"]?[user.rawValue] == nil {
            var byUser = contents[index][room.rawValue]?["m.read"]?.objectValue ?? [:]
            byUser[user.rawValue] = .object(receipt)
            contents[index][room.rawValue] = ["m.read": .object(byUser)]
            return
        }
        contents.append([room.rawValue: ["m.read": .object([user.rawValue: .object(receipt)])]])
    }
}
