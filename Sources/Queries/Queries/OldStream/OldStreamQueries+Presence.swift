import CanonicalJSON
import KeyValueStore
import ReadModel

extension OldStreamQueries {
    /// Appends the presence of those of whom the asker may hear, as far as it is new.
    ///
    /// - Parameter room: only of its members, whom then also those may hear of who look in from outside.
    func appendPresence(_ context: SyncContext, of room: RoomNum?, to writer: inout JSONWriter) throws {
        // In a first look at a room its absent members are shown too; in one at everything only who is there.
        let since = context.isInitial ? room.map { _ in 0 } : context.typingSince
        try append(ephemeral.presence.news(since: since), context, of: room, to: &writer)
    }

    private func append(
        _ news: [(user: UserNum, entry: PresenceState.Entry)], _ context: SyncContext, of room: RoomNum?,
        to writer: inout JSONWriter
    ) throws {
        guard ephemeral.presence.isEnabled else { return }
        let section = PresenceSection(context: context, presence: ephemeral.presence)
        for (user, entry) in news.sorted(by: { $0.user < $1.user }) {
            if let room {
                guard try context.snapshot.member(user, of: room)?.membership == .join else { continue }
            } else if user != context.user, try context.snapshot.sharedRooms(context.user, user).isEmpty {
                continue
            }
            section.append(entry, of: try context.snapshot.text(user), namesUser: true, to: &writer)
        }
    }
}
