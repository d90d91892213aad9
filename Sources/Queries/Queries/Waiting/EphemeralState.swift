package import MatrixIdentifiers
package import ReadModel
import Synchronization

/// Who is typing where. It lives in memory only: what is ephemeral is never in the log.
package final class EphemeralState: Sendable {
    fileprivate struct Typist {
        let user: UserID
        let until: Int64
    }

    fileprivate struct RoomTyping {
        var typists: [Typist] = []
        /// The version at which this room last changed.
        var version: UInt64 = 0
    }

    fileprivate struct Board {
        var version: UInt64
        var rooms: [RoomNum: RoomTyping] = [:]
    }

    /// Shared with the presence, so that one number in a token speaks of both.
    private final class Counter: Sendable {
        let board: Mutex<Board>

        init(_ board: consuming Board) {
            self.board = Mutex(board)
        }
    }

    private let counter: Counter
    /// Who is online.
    package let presence: PresenceState
    private let nowMs: @Sendable () -> Int64
    private let notifier: ChangeNotifier?
    private let onNews: @Sendable (EphemeralNews) -> Void
    private static let longestTyping: Int64 = 120_000

    /// Creates an empty state.
    ///
    /// - Parameter first: larger than any version of an earlier run, such as the time in milliseconds, so that tokens of
    ///   that run are older than everything new.
    /// - Parameter joinedRooms: the rooms in which others hear of a user's presence.
    /// - Parameter onNews: hears of everything, also that somebody goes on typing; it must be quick.
    package init(
        startingAt first: UInt64, nowMs: @escaping @Sendable () -> Int64, notifier: ChangeNotifier? = nil,
        joinedRooms: @escaping @Sendable (UserNum) -> [RoomNum] = { _ in [] },
        onNews: @escaping @Sendable (EphemeralNews) -> Void = { _ in }
    ) {
        let counter = Counter(Board(version: first))
        self.counter = counter
        presence = PresenceState(nowMs: nowMs) { user in
            let version = counter.board.withLock { board in
                board.version += 1
                return board.version
            }
            for room in joinedRooms(user) { notifier?.ephemeralChanged(room: room, version: version) }
            onNews(.presence(user))
            return version
        }
        self.nowMs = nowMs
        self.notifier = notifier
        self.onNews = onNews
    }

    /// Counts the changes.
    package var version: UInt64 { counter.board.withLock { $0.version } }

    /// A user began, goes on or stopped typing.
    package func setTyping(room: RoomNum, user: UserID, isTyping: Bool, timeoutMs: Int64 = 30_000) {
        let now = nowMs()
        let until = now &+ min(max(timeoutMs, 0), Self.longestTyping)
        let changed = counter.board.withLock { board -> UInt64? in
            var typing = board.rooms[room] ?? RoomTyping()
            let wasTyping = typing.typists.contains { $0.user == user && $0.until > now }
            typing.typists.removeAll { $0.user == user }
            if isTyping { typing.typists.append(Typist(user: user, until: until)) }
            if wasTyping == isTyping {
                if isTyping { board.rooms[room] = typing }
                return nil
            }
            return board.put(typing, in: room)
        }
        if let changed { notifier?.ephemeralChanged(room: room, version: changed) }
        if changed != nil || isTyping { onNews(.typing(room: room, user: user, isTyping: isTyping)) }
    }

    /// Drops who has not typed for their timeout; called by a ticker.
    package func expire() {
        let now = nowMs()
        let changes = counter.board.withLock { board in
            var changes: [(RoomNum, UInt64, [UserID])] = []
            for (room, typing) in board.rooms where typing.typists.contains(where: { $0.until <= now }) {
                var typing = typing
                let ended = typing.typists.filter { $0.until <= now }.map(\.user)
                typing.typists.removeAll { $0.until <= now }
                changes.append((room, board.put(typing, in: room), ended))
            }
            return changes
        }
        for (room, version, users) in changes {
            notifier?.ephemeralChanged(room: room, version: version)
            for user in users { onNews(.typing(room: room, user: user, isTyping: false)) }
        }
        presence.expire()
    }

    /// Who is typing in a room; nil when nothing has changed there since `version`.
    func typing(in room: RoomNum, since version: UInt64) -> [UserID]? {
        counter.board.withLock { board in
            guard let typing = board.rooms[room], typing.version > version else { return nil }
            return typing.typists.map(\.user)
        }
    }

    /// The rooms whose typists changed after `version`.
    func roomsChanged(since version: UInt64) -> [RoomNum] {
        counter.board.withLock { board in
            if board.version <= version { return [] }
            return board.rooms.filter { $0.value.version > version }.map(\.key)
        }
    }
}

extension EphemeralState.Board {
    fileprivate mutating func put(_ typing: EphemeralState.RoomTyping, in room: RoomNum) -> UInt64 {
        version += 1
        var typing = typing
        typing.version = version
        rooms[room] = typing
        return version
    }
}
