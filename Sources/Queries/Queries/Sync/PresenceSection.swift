import CanonicalJSON
import KeyValueStore
import ReadModel

/// "The updates to the presence status of other users."
struct PresenceSection {
    let context: SyncContext
    let presence: PresenceState
    /// Rooms that the user has joined since: of who is there the client has heard nothing.
    var newRooms: Set<RoomNum> = []

    /// Appends what the client has not heard and answers how many events that is.
    func append(to writer: inout JSONWriter) throws -> Int {
        writer.splice("\"presence\":{\"events\":[")
        defer { writer.splice("]}") }
        guard presence.isEnabled, context.filter.presence.allows(typeNamed: "m.presence") else { return 0 }
        let news = presence.news(since: context.isInitial ? nil : context.typingSince)
        let met = context.isInitial || newRooms.isEmpty ? [] : presence.everybody
        guard !news.isEmpty || !met.isEmpty else { return 0 }
        var count = 0
        let told = Set(news.map(\.user))
        for (user, entry) in news + met.filter({ !told.contains($0.user) }) {
            if user != context.user {
                let shared = try context.snapshot.sharedRooms(context.user, user)
                if shared.isEmpty || !told.contains(user) && !shared.contains(where: newRooms.contains) { continue }
            } else if !told.contains(user) {
                continue
            }
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
