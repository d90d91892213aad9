import CanonicalJSON
import CommandHandling
import Decisions
import EventLog
import MatrixIdentifiers
import ProjectionEngine
import Queries
import ReadModel
import Testing

@Suite struct OneTimeKeyTests {
    /// What a test's claims gave: no one-time key twice.
    private func expectUnique(
        _ names: [String], fallback: String = "F", sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let oneTime = names.filter { $0 != "signed_curve25519:\(fallback)" }
        #expect(Set(oneTime).count == oneTime.count, "\(oneTime)", sourceLocation: sourceLocation)
    }

    @Test func parallelClaimsNeverGiveAKeyTwice() async throws {
        let house = try KeyHouse()
        let bob = try await house.login("bob")
        _ = try await house.keys.upload(KeyHouse.upload(50, fallback: "F"), caller: bob)
        // A second set of commands is another node: only the log stands between the two.
        let other = KeyCommands(environment: house.environment)
        let target = KeyClaimTarget(user: bob.userID, deviceID: "DEVICE", algorithm: "signed_curve25519")
        let names = try await withThrowingTaskGroup(of: [String].self) { group in
            for index in 0..<64 {
                let commands = index % 2 == 0 ? house.keys : other
                group.addTask { try await commands.claim([target], caller: bob).compactMap { $0?.name } }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(names.count == 64)
        expectUnique(names)
        #expect(names.count { $0 == "signed_curve25519:F" } == 14)
        #expect(try house.keys.queries.stock(bob.userID, "DEVICE")?.count(of: "signed_curve25519") == 0)
        try house.close()
        try house.remove()
    }

    @Test func claimsAndUploadsAtOnce() async throws {
        let house = try KeyHouse()
        let bob = try await house.login("bob")
        let names = try await withThrowingTaskGroup(of: [String].self) { group in
            for index in 0..<20 {
                group.addTask {
                    _ = try await house.keys.upload(KeyHouse.upload(5, from: index * 5), caller: bob)
                    return []
                }
                group.addTask { try await house.claim(bob, count: 3) }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        expectUnique(names)
        let left = try house.keys.queries.stock(bob.userID, "DEVICE")?.count(of: "signed_curve25519")
        #expect(Int(left ?? 0) + names.count == 100)
        try house.close()
        try house.remove()
    }

    @Test func keysGoOutInTheOrderOfTheUploads() async throws {
        let house = try KeyHouse()
        let bob = try await house.login("bob")
        for first in [30, 10, 20] { _ = try await house.keys.upload(KeyHouse.upload(1, from: first), caller: bob) }
        let names = try await house.claim(bob) + house.claim(bob, count: 2)
        #expect(names == ["signed_curve25519:K30", "signed_curve25519:K10", "signed_curve25519:K20"])
        #expect(try await house.claim(bob) == [])
        try house.close()
        try house.remove()
    }

    @Test func whatWasGivenAwayDoesNotComeBack() async throws {
        let house = try KeyHouse()
        let bob = try await house.login("bob")
        _ = try await house.keys.upload(KeyHouse.upload(2), caller: bob)
        #expect(try await house.claim(bob) == ["signed_curve25519:K0"])
        // The answer of the upload was lost: the client repeats it.
        let counts = try await house.keys.upload(KeyHouse.upload(2), caller: bob)
        #expect(counts["signed_curve25519"] == 1)
        #expect(try await house.claim(bob, count: 2) == ["signed_curve25519:K1"])
        // Another key under the old name is another key.
        _ = try await house.keys.upload(
            ["one_time_keys": ["signed_curve25519:K0": ["key": "fresh"]]], caller: bob)
        #expect(try await house.claim(bob) == ["signed_curve25519:K0"])
        try house.close()
        try house.remove()
    }

    @Test func aKeyIsNotReplacedUnderItsName() async throws {
        let house = try KeyHouse()
        let bob = try await house.login("bob")
        _ = try await house.keys.upload(KeyHouse.upload(1), caller: bob)
        await #expect(throws: Rejection.self) {
            _ = try await house.keys.upload(
                ["one_time_keys": ["signed_curve25519:K0": ["key": "another"]]], caller: bob)
        }
        let head = house.log.durableHead
        // Signed again it is the same key: nothing is written.
        let again: JSONObject = [
            "one_time_keys": [
                "signed_curve25519:K0": ["key": "public0", "signatures": ["@bob:test": ["ed25519:D": "x"]]]
            ]
        ]
        _ = try await house.keys.upload(again, caller: bob)
        #expect(house.log.durableHead == head)
        try house.close()
        try house.remove()
    }

    @Test func aRebuildKeepsWhatWasClaimed() async throws {
        let house = try KeyHouse()
        let bob = try await house.login("bob")
        _ = try await house.keys.upload(KeyHouse.upload(10, fallback: "F"), caller: bob)
        var names = try await house.claim(bob, count: 4)
        let live = try house.engine.digests()
        try house.engine.rebuild()
        #expect(try house.engine.digests() == live)
        names += try await house.claim(bob, count: 4)
        // And beside nothing: as after the tables were lost.
        try house.close()
        let again = try KeyHouse(directory: house.directory)
        names += try await again.claim(bob, count: 4)
        expectUnique(names)
        #expect(names.count == 12 && names.suffix(2) == ["signed_curve25519:F", "signed_curve25519:F"])
        try again.close()
        try again.remove()
    }

    @Test func aRestoreBurnsOneTimeKeysAndKeepsFallbackKeys() async throws {
        let house = try KeyHouse()
        let bob = try await house.login("bob")
        _ = try await house.keys.upload(KeyHouse.upload(10, fallback: "F"), caller: bob)
        let backup = house.log.durableHead
        var names = try await house.claim(bob, count: 3)
        let restored = try house.restored(upTo: backup)
        #expect(restored.log.epoch == 2)
        let stock = try restored.keys.queries.stock(bob.userID, "DEVICE")
        #expect(stock?.count(of: "signed_curve25519") == 0)
        #expect(stock?.fallbacks.map(\.isUsed) == [true])
        #expect(try await restored.claim(bob) == ["signed_curve25519:F"])
        // Neither does an upload of the same keys bring them back.
        _ = try await restored.keys.upload(KeyHouse.upload(10), caller: bob)
        #expect(try await restored.claim(bob) == ["signed_curve25519:F"])
        _ = try await restored.keys.upload(KeyHouse.upload(5, from: 100), caller: bob)
        names += try await restored.claim(bob, count: 5)
        expectUnique(names)
        #expect(names.count == 8)
        let live = try restored.engine.digests()
        try restored.engine.rebuild()
        #expect(try restored.engine.digests() == live)
        for house in [house, restored] {
            try house.close()
            try house.remove()
        }
    }

    @Test func anotherIdentityEndsTheKeysOfTheFormer() async throws {
        let house = try KeyHouse()
        let bob = try await house.login("bob")
        func body(_ identity: String) -> JSONObject {
            var body = KeyHouse.upload(2, from: identity == "one" ? 0 : 10, fallback: identity)
            body["device_keys"] = [
                "user_id": "@bob:test", "device_id": "DEVICE", "keys": ["ed25519:DEVICE": .string(identity)],
                "algorithms": ["a"], "signatures": [:],
            ]
            return body
        }
        _ = try await house.keys.upload(body("one"), caller: bob)
        _ = try await house.keys.upload(body("two"), caller: bob)
        let names = try await house.claim(bob, count: 3)
        #expect(names == ["signed_curve25519:K10", "signed_curve25519:K11", "signed_curve25519:two"])
        try house.close()
        try house.remove()
    }
}
