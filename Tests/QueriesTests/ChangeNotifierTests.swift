import EventLog
import Queries
import ReadModel
import Synchronization
import Testing

@Suite("Waiting for changes")
struct ChangeNotifierTests {
    private let one = RoomNum(rawValue: 1)
    private let two = RoomNum(rawValue: 2)
    private let user = UserNum(rawValue: 7)

    private func token(_ position: UInt64, _ ephemeral: UInt64 = 0) -> SyncToken {
        SyncToken(epoch: 1, position: position, ephemeral: ephemeral)
    }

    private func notifier(_ clock: World.Clock) -> ChangeNotifier {
        let notifier = ChangeNotifier(nowMs: { clock.now })
        notifier.start(at: 10)
        return notifier
    }

    @Test("a change in a room or of the user wakes, others do not; the deadline ends it")
    func wakes() async {
        let clock = World.Clock()
        let notifier = notifier(clock)
        async let first = notifier.wait(user: user, rooms: [one], after: token(10), until: clock.now + 1000)
        async let second = notifier.wait(
            user: UserNum(rawValue: 8), rooms: [two], after: token(10), until: clock.now + 1000)
        while notifier.waiting < 2 { await Task.yield() }
        notifier.applied(head: 11, rooms: [one], users: [])
        #expect(await first == .changed)
        #expect(notifier.waiting == 1)
        notifier.expire()
        #expect(notifier.waiting == 1)
        clock.advance(2000)
        notifier.expire()
        #expect(await second == .deadline)
        async let third = notifier.wait(user: user, rooms: [], after: token(11), until: clock.now + 1000)
        while notifier.waiting < 1 { await Task.yield() }
        notifier.applied(head: 12, rooms: [], users: [user])
        #expect(await third == .changed)
    }

    @Test("a change that came before the wait is not lost")
    func noLostWake() async {
        let clock = World.Clock()
        let notifier = notifier(clock)
        notifier.applied(head: 11, rooms: [one], users: [])
        #expect(await notifier.wait(user: user, rooms: [one], after: token(10), until: clock.now + 1000) == .changed)
        notifier.ephemeralChanged(room: one, version: 5)
        #expect(await notifier.wait(user: user, rooms: [one], after: token(11, 4), until: clock.now + 1000) == .changed)
        // What happened before the server knew anything may have concerned anybody.
        #expect(await notifier.wait(user: user, rooms: [], after: token(9), until: clock.now + 1000) == .changed)
    }

    @Test("cancellation and shutdown end every wait")
    func ends() async {
        let clock = World.Clock()
        let notifier = notifier(clock)
        let task = Task { await notifier.wait(user: user, rooms: [one], after: token(10), until: clock.now + 1000) }
        while notifier.waiting < 1 { await Task.yield() }
        task.cancel()
        #expect(await task.value == .cancelled)
        #expect(notifier.waiting == 0)
        async let other = notifier.wait(user: user, rooms: [one], after: token(10), until: clock.now + 1000)
        while notifier.waiting < 1 { await Task.yield() }
        notifier.shutDown()
        #expect(await other == .shutdown)
        #expect(await notifier.wait(user: user, rooms: [one], after: token(10), until: clock.now + 1000) == .shutdown)
    }

    @Test("recent changes answer only for what they remember")
    func recent() {
        let recent = RecentChanges(capacity: 2)
        #expect(recent.rooms(after: 0, upTo: 0, limit: 10) == nil)
        recent.record(after: 5, head: 6, rooms: [one])
        recent.record(after: 6, head: 9, rooms: [two])
        #expect(recent.rooms(after: 5, upTo: 9, limit: 10) == [one, two])
        #expect(recent.rooms(after: 6, upTo: 9, limit: 10) == [two])
        #expect(recent.rooms(after: 9, upTo: 9, limit: 10) == [])
        #expect(recent.rooms(after: 4, upTo: 9, limit: 10) == nil)
        #expect(recent.rooms(after: 6, upTo: 10, limit: 10) == nil)
        #expect(recent.rooms(after: 5, upTo: 9, limit: 1) == nil)
        recent.record(after: 9, head: 10, rooms: [one])
        #expect(recent.rooms(after: 5, upTo: 10, limit: 10) == nil)
        #expect(recent.rooms(after: 6, upTo: 10, limit: 10) == [one, two])
        recent.record(after: 20, head: 21, rooms: [two])
        #expect(recent.rooms(after: 10, upTo: 21, limit: 10) == nil)
        #expect(recent.rooms(after: 20, upTo: 21, limit: 10) == [two])
    }
}
