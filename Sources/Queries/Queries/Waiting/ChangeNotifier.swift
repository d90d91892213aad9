import EventLog
package import ProjectionEngine
package import ReadModel
import Synchronization

/// Holds long polls without holding a thread: each is one continuation and its place in the index of rooms.
///
/// A wake-up says only that looking again may be worth it. None is lost: a waiter is registered first and then compared with
/// what has happened, and every change after that finds it registered.
package final class ChangeNotifier: Sendable {
    /// Why a wait ended.
    package enum Wake: Sendable, Hashable {
        case changed
        case deadline
        case shutdown
        case cancelled
    }

    fileprivate struct Waiter {
        let continuation: CheckedContinuation<Wake, Never>
        let user: UserNum
        let rooms: [RoomNum]
        let deadline: Int64
    }

    fileprivate struct Board {
        var nextID: UInt64 = 1
        var waiters: [UInt64: Waiter] = [:]
        var byRoom: [RoomNum: [UInt64]] = [:]
        var byUser: [UserNum: [UInt64]] = [:]
        /// Cancelled before they were registered.
        var cancelledEarly: Set<UInt64> = []
        /// The newest position heard of; nil before the first.
        var head: UInt64?
        var ephemeral: UInt64 = 0
        var isShutDown = false
        /// When a room or user last changed, as far as it matters to those who register late.
        var lastByRoom: [RoomNum: UInt64] = [:]
        var lastByUser: [UserNum: UInt64] = [:]
        var lastEphemeralByRoom: [RoomNum: UInt64] = [:]
        /// What was dropped from the three tables above happened at or before these.
        var forgottenHead: UInt64 = 0
        var forgottenEphemeral: UInt64 = 0
    }

    private let board = Mutex(Board())
    private let nowMs: @Sendable () -> Int64
    /// Which rooms the latest positions touched; syncs read it.
    package let recent: RecentChanges

    /// Creates a notifier.
    ///
    /// - Parameter nowMs: the clock in which deadlines are given.
    package init(nowMs: @escaping @Sendable () -> Int64, recent: RecentChanges = RecentChanges()) {
        self.nowMs = nowMs
        self.recent = recent
    }

    /// How many long polls are held.
    package var waiting: Int { board.withLock { $0.waiters.count } }

    // MARK: Waiting

    /// Waits until something happens to the user or one of the rooms after the token, or until the deadline.
    package func wait(
        user: UserNum, rooms: [RoomNum], after token: SyncToken, until deadline: Int64
    ) async -> Wake {
        if deadline <= nowMs() { return .deadline }
        let id = board.withLock { board in
            defer { board.nextID += 1 }
            return board.nextID
        }
        // A cancellation that comes while the wait ends of itself leaves a mark that nobody else would take away.
        defer { board.withLock { board in _ = board.cancelledEarly.remove(id) } }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waiter = Waiter(continuation: continuation, user: user, rooms: rooms, deadline: deadline)
                if let wake = register(waiter, id: id, after: token) { continuation.resume(returning: wake) }
            }
        } onCancel: {
            let waiter = board.withLock { board -> Waiter? in
                guard let waiter = board.remove(id) else {
                    board.cancelledEarly.insert(id)
                    return nil
                }
                return waiter
            }
            waiter?.continuation.resume(returning: .cancelled)
        }
    }

    private func register(_ waiter: Waiter, id: UInt64, after token: SyncToken) -> Wake? {
        board.withLock { board in
            if board.isShutDown { return .shutdown }
            if board.cancelledEarly.remove(id) != nil { return .cancelled }
            if board.hasChanged(for: waiter, after: token) { return .changed }
            board.waiters[id] = waiter
            for room in waiter.rooms { board.byRoom[room, default: []].append(id) }
            board.byUser[waiter.user, default: []].append(id)
            return nil
        }
    }

    // MARK: Waking

    /// Takes note of a batch that the views now hold.
    package func applied(_ batch: AppliedBatch) {
        applied(head: batch.head.rawValue, rooms: batch.rooms, users: batch.users)
    }

    /// Takes note that everything up to `head` is readable and touched these rooms and users.
    package func applied(head: UInt64, rooms: Set<RoomNum>, users: Set<UserNum>) {
        let woken = board.withLock { board in
            if let before = board.head {
                recent.record(after: before, head: head, rooms: rooms)
                board.head = head
            } else {
                // Where this batch began is not known, so nothing is known of what lies before its end.
                board.head = head
                board.forgottenHead = head
            }
            board.bound()
            var woken: [Waiter] = []
            for room in rooms {
                board.lastByRoom[room] = head
                board.take(board.byRoom[room], into: &woken)
            }
            for user in users {
                board.lastByUser[user] = head
                board.take(board.byUser[user], into: &woken)
            }
            return woken
        }
        for waiter in woken { waiter.continuation.resume(returning: .changed) }
    }

    /// The log's head when the server starts: nothing is known about what lies before it.
    package func start(at head: UInt64) {
        board.withLock { board in
            board.head = head
            board.forgottenHead = head
        }
    }

    /// Takes note that something ephemeral changed in a room.
    package func ephemeralChanged(room: RoomNum, version: UInt64) {
        let woken = board.withLock { board in
            board.ephemeral = max(board.ephemeral, version)
            board.lastEphemeralByRoom[room] = version
            var woken: [Waiter] = []
            board.take(board.byRoom[room], into: &woken)
            return woken
        }
        for waiter in woken { waiter.continuation.resume(returning: .changed) }
    }

    /// Which of some rooms were touched after `since`, perhaps more; nil when that is not known up to `newest`.
    func touched(among rooms: [RoomNum], after since: UInt64, upTo newest: UInt64) -> [Bool]? {
        board.withLock { board in
            guard let head = board.head, head >= newest, board.forgottenHead <= since else { return nil }
            return rooms.map { board.lastByRoom[$0, default: 0] > since }
        }
    }

    /// Ends the waits whose deadline has passed; called by a ticker.
    package func expire() {
        let now = nowMs()
        let ended = board.withLock { board in
            let ids = board.waiters.filter { $0.value.deadline <= now }.map(\.key)
            return ids.compactMap { board.remove($0) }
        }
        for waiter in ended { waiter.continuation.resume(returning: .deadline) }
    }

    /// Ends all waits, now and from now on.
    package func shutDown() {
        let ended = board.withLock { board in
            board.isShutDown = true
            let waiters = Array(board.waiters.values)
            board.waiters = [:]
            board.byRoom = [:]
            board.byUser = [:]
            return waiters
        }
        for waiter in ended { waiter.continuation.resume(returning: .shutdown) }
    }
}

extension ChangeNotifier.Board {
    /// The tables of last changes are only as large as what is active.
    private static let capacity = 65_536

    fileprivate mutating func bound() {
        if lastByRoom.count + lastByUser.count > Self.capacity {
            lastByRoom = [:]
            lastByUser = [:]
            forgottenHead = head ?? forgottenHead
        }
        if lastEphemeralByRoom.count > Self.capacity {
            lastEphemeralByRoom = [:]
            forgottenEphemeral = ephemeral
        }
    }

    fileprivate func hasChanged(for waiter: ChangeNotifier.Waiter, after token: SyncToken) -> Bool {
        if let head, head > token.position {
            if forgottenHead > token.position { return true }
            if lastByUser[waiter.user, default: 0] > token.position { return true }
            if waiter.rooms.contains(where: { lastByRoom[$0, default: 0] > token.position }) { return true }
        }
        guard ephemeral > token.ephemeral else { return false }
        if forgottenEphemeral > token.ephemeral { return true }
        return waiter.rooms.contains { lastEphemeralByRoom[$0, default: 0] > token.ephemeral }
    }

    fileprivate mutating func take(_ ids: [UInt64]?, into woken: inout [ChangeNotifier.Waiter]) {
        guard let ids else { return }
        for id in ids {
            if let waiter = remove(id) { woken.append(waiter) }
        }
    }

    fileprivate mutating func remove(_ id: UInt64) -> ChangeNotifier.Waiter? {
        guard let waiter = waiters.removeValue(forKey: id) else { return nil }
        for room in waiter.rooms { Self.drop(id, from: &byRoom, under: room) }
        Self.drop(id, from: &byUser, under: waiter.user)
        return waiter
    }

    private static func drop<Number: Hashable>(_ id: UInt64, from index: inout [Number: [UInt64]], under number: Number)
    {
        guard let place = index.index(forKey: number) else { return }
        let ids = index.values[place]
        if ids.count == 1 {
            if ids[0] == id { index.remove(at: place) }
            return
        }
        guard let at = ids.firstIndex(of: id) else { return }
        index.values[place].swapAt(at, ids.count - 1)
        index.values[place].removeLast()
    }
}
