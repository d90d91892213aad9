import CanonicalJSON
import EventLog
import KeyValueStore
import MatrixIdentifiers
package import ReadModel

/// Answers the endpoints that came before `/sync`: `/events`, `/initialSync` and `/rooms/{roomId}/initialSync`.
///
/// They show the same rows as `/sync` in another order: one list of events instead of sections. Room previews are made with
/// them to this day.
package final class OldStreamQueries: Sendable {
    package let views: Views
    let ephemeral: EphemeralState
    let notifier: ChangeNotifier
    private let sentMembers = SentMembers()
    private let unread = UnreadCounter()

    package init(views: Views, ephemeral: EphemeralState, notifier: ChangeNotifier) {
        self.views = views
        self.ephemeral = ephemeral
        self.notifier = notifier
    }

    /// A token at a place; messages to devices are no part of these endpoints, so it acknowledges none.
    func token(_ asker: Asker, _ position: LogPosition, ephemeral: UInt64, after since: SyncToken?) -> SyncToken {
        SyncToken(
            epoch: asker.epoch, position: position.rawValue, ephemeral: ephemeral,
            toDevice: since.map { $0.toDevice ?? $0.position } ?? 0)
    }

    /// What the sections of a sync need, for the events behind `since`, or for everything when it is nil.
    func context(
        _ snapshot: Snapshot, _ asker: Asker, since: SyncToken?, upTo: LogPosition
    ) throws -> SyncContext {
        let user = asker.identity.userNum
        let ignored = try SyncContext.ignored(snapshot, by: user)
        var renderer = EventRenderer(snapshot, asker: asker)
        renderer.namesUser = true
        renderer.relations = BundledRelations(snapshot, asker: user, ignored: ignored)
        let position = LogPosition(rawValue: since?.position ?? 0)
        return SyncContext(
            snapshot: snapshot,
            request: SyncRequest(asker: asker, since: since),
            upTo: upTo,
            since: position,
            typing: ephemeral,
            typingSince: since?.ephemeral ?? 0,
            sentMembers: sentMembers,
            unread: unread,
            renderer: renderer,
            ignored: ignored,
            accountDataChanges: since == nil
                ? [:] : try SyncContext.accountDataChanges(snapshot, of: user, after: position, upTo: upTo)
        )
    }

    /// The room that somebody looks into from where they are: as a member, or because its history is readable by all.
    func openRoom(_ snapshot: Snapshot, _ roomID: RoomID, _ asker: Asker) throws -> RoomAccess {
        let access = try RoomAccess(snapshot, roomID, user: asker.identity.userNum)
        guard access.upTo == .newest else { throw QueryRefusal.notInRoom }
        return access
    }
}
