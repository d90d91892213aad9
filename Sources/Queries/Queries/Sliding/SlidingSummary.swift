import CanonicalJSON
import EventLog
import KeyValueStore
import ReadModel

/// What a room is called, who is in it, and how much of it is unread.
struct SlidingSummary {
    let context: SlidingContext
    let listed: ListedRoom
    let end: LogPosition

    struct Made {
        var sent = SentSummary()
        var name: String?
        var avatar: String?
        /// JSON of the heroes; empty when the room has a name.
        var heroes: [UInt8] = []
        /// Whether name, avatar, heroes and counts were looked at, or are as before.
        var isFresh = false

        /// Appends what is other than before.
        func append(before: SentSummary?, to writer: inout JSONWriter) {
            if isFresh {
                if let name, sent.name != before?.name {
                    writer.field("name", name)
                } else if sent.name == nil, before?.name != nil {
                    // "`null` if room name has been removed"
                    writer.key("name")
                    writer.null()
                }
                if let avatar, sent.avatar != before?.avatar {
                    writer.field("avatar", avatar)
                } else if sent.avatar == nil, before?.avatar != nil {
                    writer.key("avatar")
                    writer.null()
                }
                if !heroes.isEmpty, sent.heroes != before?.heroes { writer.field("heroes", raw: heroes) }
                if before == nil || sent.joined != before?.joined || sent.invited != before?.invited {
                    writer.field("joined_count", Int64(clamping: sent.joined))
                    writer.field("invited_count", Int64(clamping: sent.invited))
                }
            }
        }
    }

    /// - Parameters:
    ///   - since: up to where the client has the room; nil for nothing.
    ///   - before: what it has of the summary then.
    func make(since: LogPosition?, before: SentSummary?) throws -> Made {
        var made = Made()
        let isJoined = listed.row.membership == .join
        let changedAt = listed.activity?.lastStatePosition ?? .none
        if let before, let since, changedAt <= since, listed.row.leftAt <= since {
            made.sent = before
        } else {
            try look(&made, isJoined: isJoined, before: before)
        }
        made.sent.isDM = context.direct.contains(listed.room)
        if isJoined, context.dialect == .unstable {
            let counts = try context.unread.counts(
                context.snapshot, room: listed.room, user: context.user, row: listed.row, upTo: context.upTo,
                byThread: false, ignoring: context.ignored)
            made.sent.notifications = counts.main.notifications
            made.sent.highlights = counts.main.highlights
        }
        return made
    }

    private func look(_ made: inout Made, isJoined: Bool, before: SentSummary?) throws {
        made.isFresh = true
        made.name = try context.text(listed.room, "m.room.name", "name", asOf: end)
        made.avatar = try context.text(listed.room, "m.room.avatar", "url", asOf: end)
        made.sent.name = made.name.map(Self.digest)
        made.sent.avatar = made.avatar.map(Self.digest)
        // Who else is in a room now concerns nobody who has left it.
        guard isJoined, let head = try context.snapshot.head(of: listed.room) else {
            made.sent.joined = before?.joined ?? 0
            made.sent.invited = before?.invited ?? 0
            return
        }
        made.sent.joined = head.joinedCount
        made.sent.invited = head.invitedCount
        // "Heroes are only included if the room name is not set."
        guard made.name == nil else { return }
        let heroes = try context.snapshot.heroes(of: listed.room, head, without: context.user)
        var writer = JSONWriter(capacity: 64 + heroes.count * 160)
        try append(heroes, to: &writer)
        made.heroes = writer.bytes
        made.sent.heroes = Self.digest(writer.bytes)
    }

    private func append(_ heroes: [UserNum], to writer: inout JSONWriter) throws {
        writer.beginArray()
        for hero in heroes {
            writer.beginObject()
            writer.key("user_id")
            writer.string(utf8: try context.snapshot.text(hero))
            if let row = try context.snapshot.member(hero, of: listed.room) {
                let profile = try JSONValueReader.object(row.profileJSON)
                writer.field("displayname", ifPresent: profile?["display_name"]?.stringValue)
                writer.field("avatar_url", ifPresent: profile?["avatar_url"]?.stringValue)
            }
            writer.endObject()
        }
        writer.endArray()
    }

    private static func digest(_ text: String) -> Int { digest(Array(text.utf8)) }

    /// Keyed anew in each process, so that nobody can choose two names that look the same.
    private static func digest(_ bytes: [UInt8]) -> Int {
        var hasher = Hasher()
        bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
        return hasher.finalize()
    }
}
