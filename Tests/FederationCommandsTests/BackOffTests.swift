import FederationCommands
import MatrixIdentifiers
import Synchronization
import Testing

@Suite struct BackOffTests {
    private final class Clock: Sendable {
        let now = Mutex<Int64>(1_000_000)
        var read: @Sendable () -> Int64 { { [self] in now.withLock { $0 } } }
        func advance(_ ms: Int64) { now.withLock { $0 += ms } }
        var nowMs: Int64 { now.withLock { $0 } }
    }

    private let clock = Clock()
    private let server = ServerName("away.example")

    private func backOff(
        jitter: Double = 0, longest: Int64 = 60_000, random: @escaping @Sendable () -> Double = { 0.5 }
    ) -> BackOff {
        var policy = BackOff.Policy()
        policy.firstMs = 1000
        policy.multiplier = 3
        policy.longestMs = longest
        policy.jitter = jitter
        return BackOff(policy: policy, nowMs: clock.read, random: random)
    }

    @Test func waitsLongerEachTimeUpToTheLongest() throws {
        let server = try #require(server)
        let backOff = backOff()
        #expect(backOff.retryAt(server) == nil)
        var waits: [Int64] = []
        for _ in 0..<6 {
            backOff.failed(server, begunMs: clock.nowMs)
            let retry = try #require(backOff.retryAt(server))
            waits.append(retry - clock.nowMs)
            clock.advance(retry - clock.nowMs - 1)
            #expect(backOff.retryAt(server) == retry)
            clock.advance(1)
            #expect(backOff.retryAt(server) == nil)
        }
        #expect(waits == [1000, 3000, 9000, 27_000, 60_000, 60_000])
        #expect(backOff.failures(of: server) == 6)
    }

    @Test func whatFailsTogetherIsOneFailure() throws {
        let server = try #require(server)
        let backOff = backOff()
        let begun = clock.nowMs
        for _ in 0..<10 {
            clock.advance(10)
            backOff.failed(server, begunMs: begun)
        }
        #expect(backOff.failures(of: server) == 1)
    }

    @Test func anAnswerEndsItAndIsTold() throws {
        let server = try #require(server)
        let backOff = backOff()
        let told = Mutex<[ServerName]>([])
        let toldOnce = Told(told: { name in told.withLock { $0.append(name) } })
        backOff.setOnRecovery(toldOnce.told)
        backOff.succeeded(server)
        #expect(told.withLock { $0 } == [])
        backOff.failed(server, begunMs: clock.nowMs)
        backOff.succeeded(server)
        backOff.succeeded(server)
        #expect(told.withLock { $0 } == [server])
        #expect(backOff.retryAt(server) == nil)
        backOff.failed(server, begunMs: clock.nowMs)
        #expect(backOff.retryAt(server) == clock.nowMs + 1000)
    }

    private struct Told: Sendable {
        let told: @Sendable (ServerName) -> Void
    }

    @Test func jitterStaysWithinItsShare() throws {
        let server = try #require(server)
        for (random, expected) in [(0.0, Int64(800)), (1.0, 1200), (0.5, 1000), (-3, 800), (7, 1200)] {
            let backOff = backOff(jitter: 0.2, random: { random })
            backOff.failed(server, begunMs: clock.nowMs)
            #expect(backOff.retryAt(server) == clock.nowMs + expected)
        }
    }

    @Test func namesThatNobodyAnswersToAreForgotten() throws {
        let server = try #require(server)
        let backOff = backOff()
        backOff.failed(server, begunMs: clock.nowMs)
        clock.advance(1000 + 3_600_000)
        #expect(backOff.failures(of: server) == 0)
        let small = BackOff(capacity: 8, nowMs: clock.read, random: { 0.5 })
        let names = (0..<100).compactMap { ServerName("s\($0).example") }
        for name in names { small.failed(name, begunMs: clock.nowMs) }
        #expect(names.filter { small.failures(of: $0) > 0 }.count <= 8)
    }
}

@Suite struct BoundedTableTests {
    @Test func keepsAtMostWhatItMay() {
        var table = BoundedTable<Int, Int>(capacity: 16)
        for number in 0..<1000 {
            table.set(number, number, untilMs: Int64(number + 1), nowMs: 0)
            #expect(table.count <= 16)
            #expect(table.value(number, nowMs: 0) == number)
        }
        #expect(table.value(0, nowMs: 0) == nil)
    }

    @Test func entriesEnd() {
        var table = BoundedTable<String, Int>(capacity: 4)
        table.set(1, "a", untilMs: 10, nowMs: 0)
        #expect(table.value("a", nowMs: 9) == 1)
        #expect(table.value("a", nowMs: 10) == nil)
        table.set(2, "a", untilMs: 20, nowMs: 10)
        #expect(table.value("a", nowMs: 10) == 2)
        table.remove("a")
        #expect(table.value("a", nowMs: 10) == nil)
    }

    @Test func equalEndsMakeRoomToo() {
        var table = BoundedTable<Int, Int>(capacity: 64)
        for number in 0..<640 { table.set(number, number, untilMs: 5, nowMs: 0) }
        #expect(table.count <= 64 && table.count > 32)
    }
}
