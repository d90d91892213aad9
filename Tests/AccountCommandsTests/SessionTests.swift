import CanonicalJSON
import CommandHandling
import LogEvents
import MatrixIdentifiers
import Synchronization
import Testing

@Suite struct SessionTests {
    /// A clock that is set by hand, and bytes that never repeat.
    private final class World: Sendable {
        let time = Mutex<Int64>(1000)
        let counter = Mutex<UInt64>(0)

        @Sendable func nowMs() -> Int64 { time.withLock { $0 } }
        func pass(_ milliseconds: Int64) { time.withLock { $0 += milliseconds } }

        @Sendable func bytes(_ count: Int) -> [UInt8] {
            (0..<count).map { _ in
                counter.withLock { counter in
                    counter = counter &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                    return UInt8(truncatingIfNeeded: counter >> 33)
                }
            }
        }
    }

    @Test func stagesAreRemembered() throws {
        let world = World()
        let sessions = InteractiveSessions(nowMs: world.nowMs, randomBytes: world.bytes)
        let session = sessions.begin(operation: "x", request: ["username": "alice"])
        #expect(session.completed.isEmpty)
        _ = sessions.complete("m.login.dummy", in: session.id)
        let again = try #require(sessions.complete("m.login.dummy", in: session.id))
        #expect(again.completed == ["m.login.dummy"])
        #expect(again.request == ["username": "alice"])
        sessions.remember([:], in: session.id)
        #expect(sessions.session(session.id)?.request == ["username": "alice"])
        sessions.remember(["username": "bob"], in: session.id)
        #expect(sessions.session(session.id)?.request == ["username": "bob"])
        sessions.end(session.id)
        #expect(sessions.session(session.id) == nil)
    }

    @Test func sessionsEnd() {
        let world = World()
        let sessions = InteractiveSessions(nowMs: world.nowMs, randomBytes: world.bytes)
        let session = sessions.begin(operation: "x", request: [:])
        world.pass(InteractiveSessions.lifetimeMs - 1)
        #expect(sessions.session(session.id) != nil)
        world.pass(1)
        #expect(sessions.session(session.id) == nil)
        #expect(sessions.complete("m.login.dummy", in: session.id) == nil)
    }

    @Test func theOldestMakesRoom() {
        let world = World()
        let sessions = InteractiveSessions(capacity: 3, nowMs: world.nowMs, randomBytes: world.bytes)
        let made = (0..<5).map { _ in sessions.begin(operation: "x", request: [:]).id }
        #expect(made.map { sessions.session($0) != nil } == [false, false, true, true, true])
    }

    @Test func largeRequestsAreNotKept() {
        let world = World()
        let sessions = InteractiveSessions(nowMs: world.nowMs, randomBytes: world.bytes)
        let large = sessions.begin(operation: "x", request: ["a": .string(String(repeating: "x", count: 5000))])
        #expect(large.request.isEmpty)
    }

    @Test func reservationsOfRegistrationTokens() {
        let world = World()
        let sessions = InteractiveSessions(nowMs: world.nowMs, randomBytes: world.bytes)
        let session = sessions.begin(operation: "x", request: [:])
        _ = sessions.complete("m.login.registration_token", in: session.id, registrationToken: "abc")
        #expect(sessions.reservations(of: "abc") == 1)
        #expect(sessions.reservations(of: "abd") == 0)
        sessions.end(session.id)
        #expect(sessions.reservations(of: "abc") == 0)
    }

    @Test func loginTokensAreGoodOnce() throws {
        let world = World()
        let tokens = LoginTokens(lifetimeMs: 100, nowMs: world.nowMs, randomBytes: world.bytes)
        let alice = try UserID(parsing: "@alice:example.org")
        let token = tokens.make(for: alice)
        #expect(tokens.spend("egl_other") == nil)
        #expect(tokens.spend(token) == alice)
        #expect(tokens.spend(token) == nil)
        let late = tokens.make(for: alice)
        world.pass(100)
        #expect(tokens.spend(late) == nil)
    }

    @Test func sightingsAreWrittenNowAndThen() throws {
        let sightings = DeviceSightings()
        let alice = try UserID(parsing: "@alice:example.org")
        #expect(sightings.take() == nil)
        sightings.note(user: alice, deviceID: "A", ip: "::1", userAgent: nil, nowMs: 10)
        sightings.note(user: alice, deviceID: "A", ip: "::2", userAgent: "x", nowMs: 20)
        let fact = try #require(sightings.take())
        #expect(fact.sightings.arrayValue?.count == 1)
        #expect(fact.sightings.arrayValue?.first?["ip"] == "::2")
        sightings.note(user: alice, deviceID: "A", ip: "::1", userAgent: nil, nowMs: 30)
        #expect(sightings.take() == nil)
        sightings.note(user: alice, deviceID: "A", ip: "::1", userAgent: nil, nowMs: 30 + DeviceSightings.intervalMs)
        #expect(sightings.take() != nil)
    }
}
