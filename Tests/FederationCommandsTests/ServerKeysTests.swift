import CanonicalJSON
import EventLog
import EventSigning
import LogEvents
import MatrixEvents
import MatrixIdentifiers
import ProjectionEngine
import Synchronization
import Testing

@testable import FederationCommands

@Suite(.timeLimit(.minutes(10))) struct ServerKeysTests {
    private static let day: Int64 = 86_400_000

    @Test func isAskedForOnceAndLogged() async throws {
        let house = try KeyHouse()
        let other = try KeyOwner("there.example")
        house.network.set(other.name.rawValue, other.answering { [clock = house.clock] in clock.nowMs })
        let keys = house.keys()
        let now = house.clock.nowMs
        for _ in 0..<3 {
            let key = try #require(try await keys.key(of: other.name, "ed25519:a", atMs: now))
            #expect(key.publicKey == other.key.publicKey)
            #expect(key.validity == .current(validUntil: now + Self.day, fetchedAt: now))
        }
        #expect(house.network.requests == ["there.example /_matrix/key/v2/server"])
        let learned = try house.learned()
        #expect(learned.count == 1 && learned.first?.keyIDs == ["ed25519:a"])
        // Another process on the same data asks nobody.
        house.network.remove(other.name.rawValue)
        #expect(try await house.keys().key(of: other.name, "ed25519:a", atMs: now) != nil)
        #expect(house.network.requests.count == 1)
        try house.close()
    }

    @Test func isAskedForAgainWhenItsTimeIsOver() async throws {
        let house = try KeyHouse()
        let other = try KeyOwner("there.example")
        house.network.set(other.name.rawValue, other.answering { [clock = house.clock] in clock.nowMs })
        let keys = house.keys()
        let first = house.clock.nowMs
        _ = try await keys.key(of: other.name, "ed25519:a", atMs: first)
        house.clock.advance(Self.day - 1)
        _ = try await keys.key(of: other.name, "ed25519:a", atMs: house.clock.nowMs)
        // What was signed before is covered by what is known, and so is what claims to be from the future.
        _ = try await keys.key(of: other.name, "ed25519:a", atMs: first - 1)
        _ = try await keys.key(of: other.name, "ed25519:a", atMs: .max)
        #expect(house.network.requests.count == 1)
        house.clock.advance(2)
        let key = try #require(try await keys.key(of: other.name, "ed25519:a", atMs: house.clock.nowMs))
        #expect(key.validity.lastTimestamp == house.clock.nowMs + Self.day)
        #expect(house.network.requests.count == 2)
        #expect(try house.learned().count == 2)
        try house.close()
    }

    /// "Servers MUST use the lesser of this field and 7 days into the future when determining if a key is valid."
    @Test func noKeyIsGoodForLongerThanSevenDays() async throws {
        let house = try KeyHouse()
        var other = try KeyOwner("there.example")
        other.lifetimeMs = 1000 * Self.day
        house.network.set(other.name.rawValue, other.answering { [clock = house.clock] in clock.nowMs })
        let key = try #require(try await house.keys().key(of: other.name, "ed25519:a", atMs: house.clock.nowMs))
        #expect(key.validity.lastTimestamp == house.clock.nowMs + 7 * Self.day)
        try house.close()
    }

    @Test func whatIsNotSignedByItsKeysIsNotBelieved() async throws {
        let house = try KeyHouse()
        let other = try KeyOwner("there.example")
        let thief = try KeyOwner("there.example", version: "a", seed: 2)
        let now = house.clock.nowMs
        let good = try other.published.document(nowMs: now)
        var foreign = try KeyOwner("elsewhere.example").published.document(nowMs: now)
        var stolen = good
        stolen["verify_keys"] = ["ed25519:a": ["key": .string(thief.key.publicKeyBase64)]]
        var unsigned = good
        unsigned["signatures"] = JSONValue.object([:])
        var changed = good
        changed["valid_until_ts"] = .integer(now + 2 * Self.day)
        foreign["extra"] = 1
        for document in [stolen, unsigned, changed, foreign, [:]] {
            house.network.set(other.name.rawValue) { _ in
                RemoteAnswer(status: 200, body: document.canonicalBytes())
            }
            #expect(try await house.keys().key(of: other.name, "ed25519:a", atMs: now) == nil)
        }
        #expect(try house.learned() == [])
        // Of several keys those count that have signed.
        var two = good
        two["verify_keys"] = [
            "ed25519:a": ["key": .string(other.key.publicKeyBase64)],
            "ed25519:b": ["key": .string(thief.key.publicKeyBase64)],
        ]
        two["signatures"] = nil
        let signed = try JSONSigner.sign(object: two, name: other.name.rawValue, key: other.key)
        house.network.set(other.name.rawValue) { _ in RemoteAnswer(status: 200, body: signed.canonicalBytes()) }
        let keys = house.keys()
        #expect(try await keys.key(of: other.name, "ed25519:a", atMs: now) != nil)
        #expect(try await keys.key(of: other.name, "ed25519:b", atMs: now) == nil)
        try house.close()
    }

    @Test func whoDoesNotAnswerIsLeftAloneForAWhile() async throws {
        let house = try KeyHouse()
        let keys = house.keys()
        let nobody = try ServerName(parsing: "nobody.example")
        for _ in 0..<5 { #expect(try await keys.key(of: nobody, "ed25519:a", atMs: 0) == nil) }
        #expect(house.network.requests.count == 1)
        house.clock.advance(60_000)
        for number in 0..<5 { #expect(try await keys.key(of: nobody, "ed25519:\(number)", atMs: 0) == nil) }
        #expect(house.network.requests.count == 2)
        // Longer the second time, unless it has just sent something.
        house.clock.advance(60_000)
        _ = try await keys.key(of: nobody, "ed25519:a", atMs: 0)
        #expect(house.network.requests.count == 2)
        _ = try await keys.key(of: nobody, "ed25519:a", atMs: 0, isHeardFrom: true)
        #expect(house.network.requests.count == 3)
        try house.close()
    }

    /// A server that makes a new key for each request must not fill the log.
    @Test func whoChangesKeysAllTheTimeIsAskedLessAndLess() async throws {
        let house = try KeyHouse()
        let keys = house.keys()
        for number in 0..<600 {
            let other = try KeyOwner("there.example", version: "k\(number)", seed: UInt8(number % 250 + 1))
            house.network.set(other.name.rawValue, other.answering { [clock = house.clock] in clock.nowMs })
            _ = try await keys.key(of: other.name, other.key.keyID, atMs: house.clock.nowMs, isHeardFrom: true)
            house.clock.advance(10_000)
        }
        #expect((2...10).contains(house.network.requests.count))
        #expect(try house.learned().count == house.network.requests.count)
        try house.close()
    }

    @Test func manyCallersAskOnce() async throws {
        let house = try KeyHouse()
        let other = try KeyOwner("there.example")
        let answering = other.answering { [clock = house.clock] in clock.nowMs }
        house.network.set(other.name.rawValue) { request in
            try await Task.sleep(for: .milliseconds(20))
            return try await answering(request)
        }
        let keys = house.keys()
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<40 {
                group.addTask { try await keys.key(of: other.name, "ed25519:a", atMs: 0) != nil }
            }
            for try await isFound in group { #expect(isFound) }
        }
        #expect(house.network.requests.count == 1)
        try house.close()
    }

    @Test func manyServersAreAskedSideBySide() async throws {
        let house = try KeyHouse()
        let owners = try (0..<40).map { try KeyOwner("s\($0).example", seed: UInt8($0 + 1)) }
        for owner in owners { house.network.set(owner.name.rawValue, owner.answering { 1_700_000_000_000 }) }
        house.network.remove("s7.example")
        let wishes = owners.map { ServerKeys.Wish(server: $0.name, keyID: "ed25519:a", atMs: 0) }
        let found = try await house.keys().keys(for: wishes)
        for (index, owner) in owners.enumerated() {
            #expect(found[index]?.publicKey == (index == 7 ? nil : owner.key.publicKey))
        }
        try house.close()
    }

    @Test func onlyThoseOfTheWhitelistAreAsked() async throws {
        let house = try KeyHouse()
        let keys = house.keys(allowed: [])
        #expect(try await keys.key(of: try ServerName(parsing: "a.example"), "ed25519:a", atMs: 0) == nil)
        #expect(house.network.requests == [])
        try house.close()
    }

    @Test func itsOwnKeysAreKnown() async throws {
        let house = try KeyHouse()
        let old = PublishedKeys.OldKey(id: "ed25519:old", publicKey: [UInt8](repeating: 4, count: 32), expired: 77)
        let keys = house.keys(old: [old])
        let own = try #require(try await keys.key(of: house.serverName, "ed25519:own", atMs: house.clock.nowMs))
        #expect(own.publicKey == house.signingKey.publicKey)
        let retired = try #require(try await keys.key(of: house.serverName, "ed25519:old", atMs: 0))
        #expect(retired.validity == .old(expired: 77))
        #expect(try await keys.key(of: house.serverName, "ed25519:no", atMs: 0) == nil)
        #expect(house.network.requests == [])
        try house.close()
    }

    @Test func retiredKeysStayKnownAndRetired() async throws {
        let house = try KeyHouse()
        var other = try KeyOwner("there.example", version: "one")
        let clock = house.clock
        house.network.set(other.name.rawValue, other.answering { clock.nowMs })
        let keys = house.keys()
        #expect(try await keys.key(of: other.name, "ed25519:one", atMs: clock.nowMs) != nil)
        clock.advance(10_000)
        // The server takes a new key and names the old one.
        let retiredAt = clock.nowMs
        let first = other
        other = try KeyOwner("there.example", version: "two", seed: 8)
        other.old = [.init(id: "ed25519:one", publicKey: first.key.publicKey, expired: retiredAt)]
        house.network.set(other.name.rawValue, other.answering { clock.nowMs })
        #expect(try await keys.key(of: other.name, "ed25519:two", atMs: clock.nowMs) != nil)
        #expect(try await keys.key(of: other.name, "ed25519:one", atMs: 0)?.validity == .old(expired: retiredAt))
        // Then it names it no more; it is known for what it signed.
        other.old = []
        house.network.set(other.name.rawValue, other.answering { clock.nowMs })
        clock.advance(2 * Self.day)
        #expect(try await keys.key(of: other.name, "ed25519:two", atMs: clock.nowMs) != nil)
        #expect(try await keys.key(of: other.name, "ed25519:one", atMs: 0)?.validity == .old(expired: retiredAt))
        let digests = try house.engine.digests()
        try house.engine.rebuild()
        #expect(try house.engine.digests() == digests)
        try house.close()
    }
}
