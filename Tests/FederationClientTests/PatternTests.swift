import OutboundHTTP
import TestSupport
import Testing

@testable import FederationClient

@Suite struct PatternTests {
    @Test(arguments: [
        ("example.org", "EXAMPLE.org", true), ("*.example.org", "a.b.example.org", true),
        ("*.example.org", "example.org", false), ("*", "", true), ("", "", true), ("", "a", false),
        ("a?c", "abc", true), ("a?c", "ac", false), ("*a*b*", "xxaxxbxx", true), ("*a*b", "xxaxxbx", false),
        ("a*", "b", false), ("**", "x", true),
    ])
    func hosts(pattern: String, host: String, expected: Bool) {
        #expect(HostPattern(pattern).matches(host) == expected)
    }

    @Test func patternsWithManyStarsEndSoon() {
        let pattern = HostPattern(String(repeating: "*a", count: 60) + "b")
        #expect(!pattern.matches(String(repeating: "a", count: 250)))
    }

    @Test func lowerPrioritiesComeFirstAndWeightsDecide() {
        func record(_ priority: UInt16, _ weight: UInt16, _ target: String) -> ServiceRecord {
            ServiceRecord(priority: priority, weight: weight, port: 1, target: target)
        }
        let records = [
            record(20, 0, "last"), record(10, 90, "heavy"), record(10, 10, "light"), record(5, 0, "first"),
        ]
        var random = SeededRandom(seed: 7)
        var heavyFirst = 0
        for _ in 0..<2000 {
            let ordered = ServiceOrder.of(records) { Double(random.below(1_000_001)) / 1_000_000 }.map(\.target)
            #expect(ordered.count == 4 && ordered.first == "first" && ordered.last == "last")
            if ordered[1] == "heavy" { heavyFirst += 1 }
        }
        #expect((1700...1900).contains(heavyFirst))
    }

    @Test(
        arguments: [
            ("max-age=60", nil, 60_000), ("public, MAX-AGE=\"5\"", nil, 5000), ("no-store", nil, 0),
            ("max-age=99999999999999999999", nil, Int64.max), ("", nil, nil), ("max-age=x", nil, nil),
            ("", "Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777_000 - 784_111_700_000),
            ("", "Sun, 06 Nov 1993 08:49:37 GMT", 0), ("", "soon", nil),
        ] as [(String, String?, Int64?)])
    func lifetimes(cacheControl: String, expires: String?, expected: Int64?) {
        var answer = OutboundAnswer()
        answer.cacheControl = cacheControl
        answer.expires = expires
        #expect(CacheLifetime.of(answer, nowMs: 784_111_700_000) == expected)
    }
}
