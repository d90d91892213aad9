import CanonicalJSON
import EventSigning
import LogEvents
import MatrixEvents
import MatrixIdentifiers
import Synchronization
import Testing

@testable import FederationCommands

/// Asking notaries, and being one.
@Suite(.timeLimit(.minutes(10))) struct NotaryTests {
    private static let day: Int64 = 86_400_000

    /// A notary that knows one document and signs it.
    private func notary(_ owner: KeyOwner, knowing document: JSONObject, signs: Bool = true) -> KeyHouse.Answering {
        let published = owner.published
        return { request in
            guard request.method == .post, request.target == "/_matrix/key/v2/query" else {
                return RemoteAnswer(
                    status: 200, body: try published.document(nowMs: 1_700_000_000_000).canonicalBytes())
            }
            let answer = signs ? try published.signed(document) : document
            let json: JSONObject = ["server_keys": [.object(answer)]]
            return RemoteAnswer(status: 200, body: json.canonicalBytes())
        }
    }

    @Test func aNotaryIsAskedWhenTheServerIsAway() async throws {
        let house = try KeyHouse()
        let now = house.clock.nowMs
        let away = try KeyOwner("away.example")
        let document = try away.published.document(nowMs: now)
        let trusted = try KeyOwner("notary.example", version: "n", seed: 7)
        house.network.set("notary.example", notary(trusted, knowing: document))
        let named = KeyNotary(serverName: trusted.name, publicKeys: ["ed25519:n": trusted.key.publicKey])
        let key = try await house.keys(notaries: [named]).key(of: away.name, "ed25519:a", atMs: now)
        #expect(key?.publicKey == away.key.publicKey)
        #expect(
            house.network.requests == [
                "away.example /_matrix/key/v2/server", "notary.example /_matrix/key/v2/query",
            ])
        #expect(try house.learned().map(\.notary) == ["notary.example"])
        try house.close()
    }

    @Test func aNotaryWhoseKeysAreNotNamedIsAskedForThem() async throws {
        let house = try KeyHouse()
        let now = house.clock.nowMs
        let away = try KeyOwner("away.example")
        let trusted = try KeyOwner("notary.example", version: "n", seed: 7)
        house.network.set(
            "notary.example", notary(trusted, knowing: try away.published.document(nowMs: now)))
        let keys = house.keys(notaries: [KeyNotary(serverName: trusted.name)])
        #expect(try await keys.key(of: away.name, "ed25519:a", atMs: now) != nil)
        try house.close()
    }

    @Test func whatANotaryDoesNotSignOrTheServerDidNotIsNotBelieved() async throws {
        let now: Int64 = 1_700_000_000_000
        let away = try KeyOwner("away.example")
        let good = try away.published.document(nowMs: now)
        let trusted = try KeyOwner("notary.example", version: "n", seed: 7)
        let impostor = try KeyOwner("notary.example", version: "n", seed: 8)
        var forged = good
        forged["valid_until_ts"] = .integer(now + 3 * Self.day)
        let named = KeyNotary(serverName: trusted.name, publicKeys: ["ed25519:n": trusted.key.publicKey])
        let careless = KeyNotary(serverName: trusted.name, isTrustedUnsigned: true)
        for (asked, answering, isBelieved) in [
            (named, notary(trusted, knowing: good), true), (named, notary(trusted, knowing: good, signs: false), false),
            (named, notary(impostor, knowing: good), false), (named, notary(trusted, knowing: forged), false),
            (careless, notary(trusted, knowing: good, signs: false), true),
            (careless, notary(trusted, knowing: forged, signs: false), false),
        ] {
            let house = try KeyHouse()
            house.network.set("notary.example", answering)
            let key = try await house.keys(notaries: [asked]).key(of: away.name, "ed25519:a", atMs: now)
            #expect((key != nil) == isBelieved)
            try house.close()
        }
    }

    /// What a notary held back for long must not undo what the server itself said since.
    @Test func oldDocumentsOfNotariesUndoNothing() async throws {
        let house = try KeyHouse()
        let clock = house.clock
        let other = try KeyOwner("there.example", version: "one")
        let stale = try other.published.document(nowMs: clock.nowMs)
        var renewed = try KeyOwner("there.example", version: "two", seed: 8)
        renewed.old = [.init(id: "ed25519:one", publicKey: other.key.publicKey, expired: clock.nowMs)]
        clock.advance(Self.day / 2)
        house.network.set(other.name.rawValue, renewed.answering { clock.nowMs })
        let trusted = try KeyOwner("notary.example", version: "n", seed: 7)
        house.network.set("notary.example", notary(trusted, knowing: stale))
        let keys = house.keys(notaries: [KeyNotary(serverName: trusted.name, isTrustedUnsigned: true)])
        #expect(try await keys.key(of: other.name, "ed25519:two", atMs: clock.nowMs) != nil)
        clock.advance(10_000)
        // A key that nobody has makes us ask the notary as well.
        #expect(try await keys.key(of: other.name, "ed25519:three", atMs: 0) == nil)
        #expect(house.network.requests.contains("notary.example /_matrix/key/v2/query"))
        guard case .old? = try await keys.key(of: other.name, "ed25519:one", atMs: 0)?.validity else {
            Issue.record("a retired key came back")
            return
        }
        let document = try await keys.document(of: other.name, keyIDs: [], minimumValidUntil: 0)
        #expect(document?["verify_keys"]?["ed25519:two"] != nil)
        try house.close()
    }

    // MARK: Being one

    @Test func documentsAreFetchedOnceForHalfTheirLife() async throws {
        let house = try KeyHouse()
        let other = try KeyOwner("there.example")
        let clock = house.clock
        house.network.set(other.name.rawValue, other.answering { clock.nowMs })
        let keys = house.keys()
        for _ in 0..<3 {
            #expect(
                try await keys.document(of: other.name, keyIDs: [], minimumValidUntil: clock.nowMs)?["server_name"]
                    == "there.example")
        }
        #expect(house.network.requests.count == 1)
        clock.advance(Self.day / 2 + 1)
        _ = try await keys.document(of: other.name, keyIDs: [], minimumValidUntil: clock.nowMs)
        #expect(house.network.requests.count == 2)
        // "notary servers should continue to return the last response they received from the server".
        house.network.remove(other.name.rawValue)
        clock.advance(30 * Self.day)
        let last = try await keys.document(of: other.name, keyIDs: [], minimumValidUntil: clock.nowMs)
        #expect(last?["server_name"] == "there.example")
        #expect(house.network.requests.count == 3)
        try house.close()
    }

    @Test func aNotaryDoesNotAskNotaries() async throws {
        let house = try KeyHouse()
        let keys = house.keys(notaries: [KeyNotary(serverName: try ServerName(parsing: "notary.example"))])
        let away = try ServerName(parsing: "away.example")
        #expect(try await keys.document(of: away, keyIDs: [], minimumValidUntil: 0) == nil)
        #expect(house.network.requests == ["away.example /_matrix/key/v2/server"])
        try house.close()
    }

    @Test func ourOwnDocumentIsSignedAndNamesOldKeys() throws {
        let owner = try KeyOwner("own.example")
        let old = PublishedKeys.OldKey(id: "ed25519:old", publicKey: [UInt8](repeating: 3, count: 32), expired: 5)
        let published = PublishedKeys(
            serverName: owner.name, signingKey: owner.key, oldKeys: [old], lifetimeMs: 2 * Self.day)
        let object = try published.document(nowMs: 1000)
        let document = try #require(ServerKeyDocument(object))
        #expect(document.provenKeys?.map(\.id) == ["ed25519:a", "ed25519:old"])
        #expect(document.provenKeys?.map(\.expired) == [nil, 5])
        #expect(document.validUntil == 1000 + 2 * Self.day)
        // "Originating servers should avoid returning responses that expire in less than an hour".
        let short = PublishedKeys(serverName: owner.name, signingKey: owner.key, lifetimeMs: 1)
        #expect(try short.document(nowMs: 0)["valid_until_ts"] == .integer(3_600_000))
    }
}
