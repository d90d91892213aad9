import CanonicalJSON
import EventLog
import KeyValueStore
import ReadModel

/// What all sections of one sync answer share.
struct SyncContext {
    let snapshot: Snapshot
    let request: SyncRequest
    /// The end of what is told: the newest record of the snapshot.
    let upTo: LogPosition
    /// The end of what was told before; 0 in an initial sync.
    let since: LogPosition
    let typing: EphemeralState
    let typingSince: UInt64
    let sentMembers: SentMembers
    let unread: UnreadCounter
    let renderer: EventRenderer
    /// Users whose messages and invitations this user does not want.
    let ignored: Set<UserNum>
    /// The types of account data that changed, by room; ``RoomNum/none`` for global. Empty in an initial sync.
    let accountDataChanges: [RoomNum: [String]]

    var asker: Asker { request.asker }
    var user: UserNum { request.asker.identity.userNum }
    var filter: SyncFilter { request.filter }
    var isInitial: Bool { request.since == nil }

    /// Whose record of lazily loaded members counts.
    var device: SentMembers.Device {
        SentMembers.Device(user: user, deviceID: request.asker.identity.deviceID ?? "")
    }

    /// Whether the user's push rules are others than the client knows.
    var pushRulesChanged: Bool {
        get throws { try snapshot.pushRulesChanged(of: user, after: since, upTo: upTo) }
    }

    /// "The maximum number of events to return": 10 when the filter does not say.
    var timelineLimit: Int { min(filter.timeline.limit ?? 10, 1000) }

    /// The users of `m.ignored_user_list`.
    static func ignored(_ snapshot: Snapshot, by user: UserNum) throws -> Set<UserNum> {
        guard let row = try snapshot.accountData(user, .none, "m.ignored_user_list") else { return [] }
        guard let users = try JSONValueReader.object(row.contentJSON)?["ignored_users"]?.objectValue else { return [] }
        return Set(try users.keys.compactMap { try snapshot.user(snapshot.tables, $0) })
    }

    /// What changed in the user's account data after `since`.
    static func accountDataChanges(
        _ snapshot: Snapshot, of user: UserNum, after since: LogPosition, upTo: LogPosition
    ) throws -> [RoomNum: [String]] {
        guard since < upTo else { return [:] }
        var changes: [RoomNum: [String]] = [:]
        let from = ViewKeys.accountDataChange(user, since.next)
        let to = ViewKeys.accountDataChange(user, upTo.next)
        try snapshot.forEach(snapshot.tables.accountDataChanges, from: from, to: to) { key, value in
            let row = try AccountDataChangeRow(key: key, value: value)
            changes[row.room, default: []].append(row.type)
            return true
        }
        return changes
    }
}
