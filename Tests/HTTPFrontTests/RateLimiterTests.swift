import HTTPFront
import Synchronization
import Testing

@Suite struct RateLimiterTests {
    /// A clock that stands until it is moved.
    private final class Hand: Sendable {
        private let nanoseconds = Atomic<UInt64>(5_000_000_000)
        func move(seconds: Double) { nanoseconds.add(UInt64(seconds * 1e9), ordering: .relaxed) }
        var read: @Sendable () -> UInt64 { { self.nanoseconds.load(ordering: .relaxed) } }
    }

    @Test func takesABurstThenDrains() {
        let hand = Hand()
        let limiter = RateLimiter(limits: ["rc_message": .init(perSecond: 0.2, burst: 3)], now: hand.read)
        for _ in 0..<3 { #expect(limiter.check("rc_message", key: "@a:b") == .allowed) }
        #expect(limiter.check("rc_message", key: "@a:b") == .limited(retryAfterMilliseconds: 5000))
        #expect(limiter.check("rc_message", key: "@c:b") == .allowed)
        #expect(limiter.check("other", key: "@a:b") == .allowed)
        hand.move(seconds: 4)
        #expect(limiter.check("rc_message", key: "@a:b") == .limited(retryAfterMilliseconds: 1000))
        hand.move(seconds: 1)
        #expect(limiter.check("rc_message", key: "@a:b") == .allowed)
        #expect(limiter.check("rc_message", key: "@a:b") == .limited(retryAfterMilliseconds: 5000))
        hand.move(seconds: 1000)
        for _ in 0..<3 { #expect(limiter.check("rc_message", key: "@a:b") == .allowed) }
        #expect(limiter.check("rc_message", key: "@a:b") != .allowed)
    }

    @Test func askingDoesNotCount() {
        let limiter = RateLimiter(now: { 1 })
        let limit = RateLimiter.Limit(perSecond: 1, burst: 1)
        for _ in 0..<5 { #expect(limiter.check("a", key: "k", limit: limit, counts: false) == .allowed) }
        #expect(limiter.check("a", key: "k", limit: limit) == .allowed)
        #expect(limiter.check("a", key: "k", limit: limit, counts: false) != .allowed)
    }

    @Test func extremeNumbersNeitherTrapNorBlockForEver() {
        let limiter = RateLimiter(now: { UInt64.max / 2 })
        for perSecond in [0, -1, .nan, .infinity, 1e-300, 1e300] as [Double] {
            for burst in [0, -5, 1, 1e300, .nan] as [Double] {
                _ = limiter.check("a", key: "\(perSecond) \(burst)", limit: .init(perSecond: perSecond, burst: burst))
            }
        }
        #expect(limiter.check("a", key: "off", limit: .init(perSecond: 0, burst: 0)) == .allowed)
    }

    @Test func memoryIsBoundedAndBusyBucketsStay() {
        let hand = Hand()
        let limiter = RateLimiter(
            limits: ["a": .init(perSecond: 1, burst: 100)], maxBuckets: 800, now: hand.read)
        for number in 0..<10_000 {
            _ = limiter.check("a", key: "busy", cost: 2)
            _ = limiter.check("a", key: "\(number)")
        }
        #expect(limiter.bucketCount <= 800)
        #expect(limiter.check("a", key: "busy", cost: 2) != .allowed)
        hand.move(seconds: 3600)
        for number in 0..<10_000 { _ = limiter.check("a", key: "later \(number)") }
        #expect(limiter.bucketCount <= 800)
    }

    @Test func throwsAnErrorThatSaysWhenToComeAgain() throws {
        let limiter = RateLimiter(limits: ["a": .init(perSecond: 0.4, burst: 1)], now: { 1 })
        try limiter.require("a", key: "k")
        do {
            try limiter.require("a", key: "k")
            Issue.record("not limited")
        } catch {
            #expect(error.status == 429)
            #expect(error.errcode == "M_LIMIT_EXCEEDED")
            #expect(String(decoding: error.response.body, as: UTF8.self).contains(#""retry_after_ms":2500"#))
            #expect(error.headers.contains { $0 == ("Retry-After", "3") })
        }
    }
}
