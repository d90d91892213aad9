import MatrixIdentifiers
package import ReadModel
import Synchronization

/// Who is online. It lives in memory only: after a start everybody is offline until they are heard of.
package final class PresenceState: Sendable {
    package enum Availability: String, Sendable {
        case online, unavailable, offline
    }

    /// One user's presence.
    package struct Entry: Sendable, Hashable {
        package var availability: Availability
        package var statusMessage: String?
        /// Wall time of what the user last did, in milliseconds; 0 when that is not known.
        package var lastActiveMs: Int64
        /// "Whether the user is currently active".
        package var isActive: Bool
    }

    private struct Tracked {
        var entry: Entry
        /// The version at which it last changed in a way that others are told.
        var version: UInt64 = 0
        /// When the user's last sync began or a client last set the presence.
        var lastHeardMs: Int64
        /// Another server tells of the user, less often than a client of our own syncs.
        var isRemote = false
    }

    /// One who is not heard of for so long is offline.
    private static let offlineAfterMs: Int64 = 30_000
    /// The same of a user of another server.
    private static let remoteOfflineAfterMs: Int64 = 30 * 60_000
    /// One who does nothing for so long is unavailable.
    private static let idleAfterMs: Int64 = 300_000
    /// "last_active_ago … currently_active": what was done so lately counts as now.
    private static let activeForMs: Int64 = 60_000

    private let users = Mutex<[UserNum: Tracked]>([:])
    private let isEnabledFlag: Atomic<Bool>
    private let nowMs: @Sendable () -> Int64
    /// Takes the next version and wakes those who wait in the user's rooms.
    private let announce: @Sendable (UserNum) -> UInt64

    init(nowMs: @escaping @Sendable () -> Int64, announce: @escaping @Sendable (UserNum) -> UInt64) {
        self.nowMs = nowMs
        self.announce = announce
        isEnabledFlag = Atomic(true)
    }

    /// `presence.enabled`: without it everybody is offline and nobody is told anything.
    package var isEnabled: Bool {
        get { isEnabledFlag.load(ordering: .relaxed) }
        set { isEnabledFlag.store(newValue, ordering: .relaxed) }
    }

    /// What is known of a user; offline when nothing is.
    package func presence(of user: UserNum) -> Entry {
        users.withLock { $0[user]?.entry }
            ?? Entry(availability: .offline, statusMessage: nil, lastActiveMs: 0, isActive: false)
    }

    /// How long ago the user last did something; nil when that is not known.
    package func lastActiveAgo(_ entry: Entry) -> Int64? {
        entry.lastActiveMs == 0 ? nil : max(0, nowMs() &- entry.lastActiveMs)
    }

    // MARK: Changes

    /// A user says how they are.
    package func set(_ user: UserNum, _ availability: Availability, statusMessage: String?) {
        change(user) { tracked, now in
            tracked.entry.availability = availability
            tracked.entry.statusMessage = statusMessage
            tracked.lastHeardMs = now
            if availability == .online { Self.noteActivity(&tracked, now) }
            if availability == .offline { tracked.entry.isActive = false }
        }
    }

    /// A client syncs: "If this is omitted then the client is automatically marked as online when it uses this API."
    package func synced(_ user: UserNum, as availability: Availability) {
        guard availability != .offline else { return }
        change(user) { tracked, now in
            tracked.lastHeardMs = now
            switch (availability, tracked.entry.availability) {
            case (.online, .offline):
                tracked.entry.availability = .online
                Self.noteActivity(&tracked, now)
            // A poll alone does not show that anybody is there.
            case (.online, _): break
            default: tracked.entry.availability = .unavailable
            }
        }
    }

    /// Another server says how its user is.
    ///
    /// - Parameter activeAgoMs: "The number of milliseconds that have elapsed since the user last did something."
    package func heard(
        _ user: UserNum, _ availability: Availability, statusMessage: String?, activeAgoMs: Int64?, isActive: Bool
    ) {
        change(user) { tracked, now in
            tracked.isRemote = true
            tracked.lastHeardMs = now
            tracked.entry.availability = availability
            tracked.entry.statusMessage = statusMessage
            tracked.entry.lastActiveMs = activeAgoMs.map { now &- min(max($0, 0), now) } ?? 0
            tracked.entry.isActive = isActive && availability != .offline
        }
    }

    /// A user does something: writes, reads, types.
    package func acted(_ user: UserNum) {
        change(user) { tracked, now in
            tracked.lastHeardMs = now
            tracked.entry.availability = .online
            Self.noteActivity(&tracked, now)
        }
    }

    /// A user comes to a room: those who are there have not heard of them before, however long they have been online.
    package func joined(_ user: UserNum) {
        guard isEnabled else { return }
        let now = nowMs()
        users.withLock { users in
            if users[user] != nil { return }
            let entry = Entry(availability: .offline, statusMessage: nil, lastActiveMs: 0, isActive: false)
            users[user] = Tracked(entry: entry, lastHeardMs: now)
        }
        let version = announce(user)
        users.withLock { $0[user]?.version = version }
    }

    /// Notes who has gone; called by a ticker.
    func expire() {
        guard isEnabled else { return }
        let now = nowMs()
        let stale = users.withLock { users in
            users.filter { _, tracked in
                guard tracked.entry.availability != .offline else { return false }
                if tracked.isRemote { return now &- tracked.lastHeardMs > Self.remoteOfflineAfterMs }
                return now &- tracked.lastHeardMs > Self.offlineAfterMs
                    || tracked.entry.isActive && now &- tracked.entry.lastActiveMs > Self.activeForMs
                    || tracked.entry.availability == .online && now &- tracked.entry.lastActiveMs > Self.idleAfterMs
            }.map(\.key)
        }
        for user in stale {
            change(user) { tracked, now in
                if now &- tracked.entry.lastActiveMs > Self.activeForMs { tracked.entry.isActive = false }
                if now &- tracked.lastHeardMs > (tracked.isRemote ? Self.remoteOfflineAfterMs : Self.offlineAfterMs) {
                    tracked.entry.availability = .offline
                    tracked.entry.isActive = false
                } else if tracked.entry.availability == .online, now &- tracked.entry.lastActiveMs > Self.idleAfterMs {
                    tracked.entry.availability = .unavailable
                }
            }
        }
    }

    private static func noteActivity(_ tracked: inout Tracked, _ now: Int64) {
        tracked.entry.lastActiveMs = now
        tracked.entry.isActive = true
    }

    /// Changes an entry and tells others when they would see a difference; the time of the last activity alone is none.
    private func change(_ user: UserNum, _ body: (inout Tracked, Int64) -> Void) {
        guard isEnabled else { return }
        let now = nowMs()
        let isNews = users.withLock { users in
            var tracked =
                users[user]
                ?? Tracked(
                    entry: Entry(availability: .offline, statusMessage: nil, lastActiveMs: 0, isActive: false),
                    lastHeardMs: now)
            let before = tracked.entry
            body(&tracked, now)
            users[user] = tracked
            var after = tracked.entry
            after.lastActiveMs = before.lastActiveMs
            return after != before
        }
        guard isNews else { return }
        let version = announce(user)
        users.withLock { $0[user]?.version = version }
    }

    // MARK: Reading

    /// Everybody who was heard of, offline or not.
    package var everybody: [(user: UserNum, entry: Entry)] { users.withLock { $0.map { ($0.key, $0.value.entry) } } }

    /// Who changed after `version`, or in a first look who is not offline.
    func news(since version: UInt64?) -> [(user: UserNum, entry: Entry)] {
        users.withLock { users in
            users.compactMap { user, tracked in
                let isNews = version.map { tracked.version > $0 } ?? (tracked.entry.availability != .offline)
                return isNews ? (user, tracked.entry) : nil
            }
        }
    }
}
