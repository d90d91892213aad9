import CanonicalJSON
import CommandHandling
import FederationCommands
import MatrixIdentifiers
import OutboundHTTP
import Synchronization

/// To which server name a host delegates, by its `/.well-known/matrix/server`; answers are remembered.
final class WellKnownLookup: Sendable {
    /// What was found out about a host.
    private struct Finding: Sendable {
        /// Nil: it says nothing that counts.
        var delegated: ServerName?
        var askAgainAtMs: Int64
        /// Failures in a row.
        var failures: Int
        /// The last good answer, and until when it may stand in for one that is not to be had.
        var lastGood: (server: ServerName, untilMs: Int64)?
    }

    private let client: OutboundClient
    private let port: Int
    private let verifiesCertificate: @Sendable (String) -> Bool
    private let nowMs: @Sendable () -> Int64
    private let random: @Sendable () -> Double
    private let findings = Mutex(BoundedTable<String, Finding>(capacity: 20_000))
    private let turns = KeyedTurns()

    private static let path = "/.well-known/matrix/server"
    private static let largestAnswer = 50 << 10
    private static let mostRedirections = 5
    private static let timeoutMs: Int64 = 10_000
    private static let limits = JSONLimits(maxDepth: 20, maxBytes: largestAnswer, maxValues: 5000, numbers: .lenient)
    /// "The recommended sensible default is 24 hours. Servers should additionally impose a maximum cache time for
    /// responses: 48 hours is recommended."
    private static let defaultLifetimeMs: Int64 = 24 * 3_600_000
    private static let longestLifetimeMs: Int64 = 48 * 3_600_000
    private static let shortestLifetimeMs: Int64 = 300_000
    /// "Errors are recommended to be cached for up to an hour, and servers are encouraged to exponentially back off for
    /// repeated failures."
    private static let firstPauseMs: Int64 = 120_000
    private static let longestPauseMs: Int64 = 3_600_000

    init(
        client: OutboundClient, port: Int, verifiesCertificate: @escaping @Sendable (String) -> Bool,
        nowMs: @escaping @Sendable () -> Int64, random: @escaping @Sendable () -> Double
    ) {
        self.client = client
        self.port = port
        self.verifiesCertificate = verifiesCertificate
        self.nowMs = nowMs
        self.random = random
    }

    /// Nil when the host says nothing that counts.
    func delegation(of host: String) async throws -> ServerName? {
        if let finding = fresh(host) { return finding.delegated }
        return try await turns.run(host) {
            if let finding = fresh(host) { return finding.delegated }
            let before = findings.withLock { $0.value(host, nowMs: nowMs()) }
            let finding = try await find(host, before)
            let keptUntil = max(finding.askAgainAtMs, finding.lastGood?.untilMs ?? 0) + Self.longestPauseMs
            findings.withLock { $0.set(finding, host, untilMs: keptUntil, nowMs: nowMs()) }
            return finding.delegated
        }
    }

    private func fresh(_ host: String) -> Finding? {
        let now = nowMs()
        guard let finding = findings.withLock({ $0.value(host, nowMs: now) }), finding.askAgainAtMs > now else {
            return nil
        }
        return finding
    }

    private func find(_ host: String, _ before: Finding?) async throws -> Finding {
        let answer = try await ask(host)
        let now = nowMs()
        if let answer, answer.status == 200, !answer.isCut, let server = Self.server(in: answer.body) {
            let stated = CacheLifetime.of(answer, nowMs: now) ?? Self.defaultLifetimeMs
            let lifetime = min(max(stated, Self.shortestLifetimeMs), Self.longestLifetimeMs)
            return Finding(
                delegated: server, askAgainAtMs: now + spread(lifetime), failures: 0,
                lastGood: (server, now + Self.longestLifetimeMs))
        }
        let failures = (before?.failures ?? 0) + 1
        let pause = spread(min(Self.firstPauseMs << Int64(min(failures - 1, 10)), Self.longestPauseMs))
        // Whoever delegated a short while ago does so still, when it merely cannot be asked.
        if answer.map({ $0.status >= 500 || $0.status == 429 }) ?? true, let last = before?.lastGood, last.untilMs > now
        {
            return Finding(
                delegated: last.server, askAgainAtMs: min(now + pause, last.untilMs), failures: failures, lastGood: last
            )
        }
        return Finding(delegated: nil, askAgainAtMs: now + pause, failures: failures)
    }

    /// A little less, so that what was learned together is not asked again together.
    private func spread(_ durationMs: Int64) -> Int64 {
        durationMs - Int64(Double(durationMs) * 0.1 * min(max(random(), 0), 1))
    }

    /// The answer after all redirections; nil when there was none.
    ///
    /// "30x redirects should be followed, however redirection loops should be avoided."
    private func ask(_ host: String) async throws -> OutboundAnswer? {
        let authority = port == 443 ? host : "\(host):\(port)"
        guard var url = WebURL("https://\(authority)\(Self.path)") else { return nil }
        var seen: Set<String> = []
        let deadline = nowMs() + Self.timeoutMs
        while seen.count <= Self.mostRedirections, seen.insert(url.text).inserted {
            let request = OutboundRequest(
                .get, isTLS: true, host: url.host, port: url.port, authority: url.authority, target: url.target,
                fields: [(name: "User-Agent", value: "Engram"), (name: "Accept-Encoding", value: "identity")],
                largestAnswer: Self.largestAnswer, verifiesCertificate: verifiesCertificate(url.host))
            let remaining = deadline - nowMs()
            guard remaining > 0 else { return nil }
            let answer: OutboundAnswer
            do {
                answer = try await client.send(request, timeoutMs: remaining)
            } catch is OutboundFault {
                return nil
            }
            guard [301, 302, 303, 307, 308].contains(answer.status) else { return answer }
            // What anybody on the way could have written says nothing about the host.
            guard let location = answer.location, let next = WebURL(location, relativeTo: url), next.isTLS else {
                return answer
            }
            url = next
        }
        return nil
    }

    /// "the `m.server` property is parsed as `<delegated_hostname>[:<delegated_port>]`"; "servers parsing the response should
    /// assume that the body is JSON regardless of type."
    package static func server(in body: [UInt8]) -> ServerName? {
        let object: JSONObject?
        do throws(JSONError) {
            object = try JSONObject.parse(body, limits: limits)
        } catch {
            return nil
        }
        return object?["m.server"]?.stringValue.flatMap { ServerName($0) }
    }
}
