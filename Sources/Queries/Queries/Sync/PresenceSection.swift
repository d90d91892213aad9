import CanonicalJSON
import KeyValueStore
import ReadModel

/// "The updates to the presence status of other users."
struct PresenceSection {
    let context: SyncContext
    let presence: PresenceState

    /// Appends what the client has not heard and answers how many events that is.
    func append(to writer: inout JSONWriter) throws -> Int {
        writer.splice("\"presence\":{\"events\":[")
        defer { writer.splice("]}") }
        guard presence.isEnabled, context.filter.presence.allows(typeNamed: "m.presence") else { return 0 }
        let news = presence.news(since: context.isInitial ? nil : context.typingSince)
        guard !news.isEmpty else { return 0 }
        var count = 0
        for (user, entry) in news {
            if user != context.user, try context.snapshot.sharedRooms(context.user, user).isEmpty { continue }
            let userID = try context.snapshot.text(user)
            guard context.filter.presence.allows(sender: userID) else { continue }
            append(entry, of: userID, namesUser: false, to: &writer)
            count += 1
        }
        return count
    }

    /// Appends one event.
    ///
    /// - Parameter namesUser: whether the content says who it is of too, as in the endpoints that came before `/sync`.
    func append(
        _ entry: PresenceState.Entry, of userID: UnsafeRawBufferPointer, namesUser: Bool, to writer: inout JSONWriter
    ) {
        writer.beginObject()
        writer.field("type", "m.presence")
        writer.key("sender")
        writer.string(utf8: userID)
        writer.key("content")
        writer.object { writer in
            if namesUser {
                writer.key("user_id")
                writer.string(utf8: userID)
            }
            writer.field("presence", entry.availability.rawValue)
            if let ago = presence.lastActiveAgo(entry) { writer.field("last_active_ago", ago) }
            writer.field("currently_active", entry.isActive)
            if let message = entry.statusMessage { writer.field("status_msg", message) }
        }
        writer.endObject()
    }
}
