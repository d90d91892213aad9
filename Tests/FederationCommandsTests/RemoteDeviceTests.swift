import CanonicalJSON
import CommandHandling
import Decisions
import EventLog
import FederationCommands
import LogEvents
import MatrixIdentifiers
import ProjectionEngine
import Queries
import ReadModel
import Synchronization
import Testing

private let alice = IntakeHouse.alice
private let bob = IntakeHouse.bob

@Suite(.timeLimit(.minutes(10))) struct RemoteDeviceTests {
    private static let list = "/_matrix/federation/v1/user/devices/%40bob%3Ab.org"

    private func keys(_ deviceID: String, _ key: String = "k") -> JSONValue {
        [
            "user_id": .string(bob), "device_id": .string(deviceID), "algorithms": [],
            "keys": ["ed25519:\(deviceID)": .string(key)], "signatures": [:],
        ]
    }

    private func list(_ streamID: Int64, _ devices: [JSONValue]) -> JSONObject {
        [
            "user_id": .string(bob), "stream_id": .integer(streamID),
            "devices": .array(
                devices.map { ["device_id": $0["device_id"] ?? "", "keys": $0, "device_display_name": "n"] }),
            "master_key": ["user_id": .string(bob), "usage": ["master"], "keys": ["ed25519:m": "m"]],
        ]
    }

    private func update(
        _ deviceID: String, _ streamID: Int64, after previous: [Int64], isDeleted: Bool = false
    ) -> JSONObject {
        [
            "user_id": .string(bob), "device_id": .string(deviceID), "stream_id": .integer(streamID),
            "prev_id": .array(previous.map(JSONValue.integer)), "deleted": .bool(isDeleted),
            "keys": keys(deviceID, "k\(streamID)"),
        ]
    }

    /// What a client of Alice's is told of Bob's devices.
    private func query(_ house: IntakeHouse, _ caller: Caller) async throws -> JSONObject {
        let wanted = [KeyQueries.Wanted(user: try UserID(parsing: bob), deviceIDs: [])]
        let found = try await house.remoteKeys.query(wanted, timeoutMs: 1_000)
        let body = try house.keys.queries.query(
            found.kept, asker: house.asker(caller).identity.userNum, failures: found.failures, others: found.answer)
        return try JSONObject.parse(body) ?? [:]
    }

    @Test func whatIsKeptIsKeptUpToDate() async throws {
        let house = try IntakeHouse()
        let caller = try await house.login(alice, "ONE")
        try await house.createRoom()
        house.others.answer(Self.list, list(5, [keys("A"), keys("B")]))
        var answer = try await query(house, caller)
        #expect(answer["device_keys"]?[bob]?.objectValue?.keys == ["A", "B"])
        #expect(answer["device_keys"]?[bob]?["A"]?["unsigned"] == ["device_display_name": "n"])
        #expect(answer["master_keys"]?[bob]?["keys"] == ["ed25519:m": "m"] && answer["failures"] == [:])
        #expect(house.others.asked.count == 1)
        // Asked once, and told of changes from then on.
        let before = house.log.durableHead
        try await house.take("m.device_list_update", update("A", 6, after: [5]))
        try await house.take("m.device_list_update", update("B", 7, after: [6], isDeleted: true))
        try await house.take("m.device_list_update", update("B", 7, after: [6], isDeleted: true))
        #expect(try house.changed(since: before, for: caller) == [bob])
        answer = try await query(house, caller)
        #expect(house.others.asked.count == 1)
        #expect(answer["device_keys"]?[bob]?.objectValue?.keys == ["A"])
        #expect(answer["device_keys"]?[bob]?["A"]?["keys"] == ["ed25519:A": "k6"])
        // Nobody speaks for another server's users.
        try await house.take("m.device_list_update", update("X", 8, after: [7]), from: "c.org")
        try await house.take(
            "m.signing_key_update",
            [
                "user_id": .string(bob),
                "self_signing_key": ["user_id": .string(bob), "usage": ["self_signing"], "keys": ["s": "s"]],
            ])
        answer = try await query(house, caller)
        #expect(answer["self_signing_keys"]?[bob]?["keys"] == ["s": "s"])
        #expect(answer["device_keys"]?[bob]?.objectValue?.keys == ["A"] && house.others.asked.count == 1)
        let digests = try house.engine.digests()
        try house.engine.rebuild()
        #expect(try house.engine.digests() == digests)
        try house.close()
    }

    @Test func aGapMakesTheListBeFetchedAgain() async throws {
        let house = try IntakeHouse()
        let caller = try await house.login(alice, "ONE")
        try await house.createRoom()
        house.others.answer(Self.list, list(5, [keys("A")]))
        _ = try await query(house, caller)
        let before = house.log.durableHead
        try await house.take("m.device_list_update", update("C", 9, after: [8]))
        #expect(try house.changed(since: before, for: caller) == [bob])
        // Without an answer it is said that there is none; old keys are not given out as new.
        house.others.answer(Self.list, nil)
        var answer = try await query(house, caller)
        #expect(answer["failures"]?["b.org"] != nil && answer["device_keys"] == [:])
        house.others.answer(Self.list, list(9, [keys("A"), keys("C")]))
        answer = try await query(house, caller)
        #expect(answer["device_keys"]?[bob]?.objectValue?.keys == ["A", "C"])
        #expect(house.others.asked.count == 3)
        try await house.take("m.device_list_update", update("D", 10, after: [9]))
        answer = try await query(house, caller)
        #expect(answer["device_keys"]?[bob]?.objectValue?.keys == ["A", "C", "D"] && house.others.asked.count == 3)
        try house.close()
    }

    @Test func whatChangesWhileTheListIsOnItsWayIsNotLost() async throws {
        let house = try IntakeHouse()
        let caller = try await house.login(alice, "ONE")
        try await house.createRoom()
        house.others.answer(Self.list, list(5, [keys("A")]))
        house.others.answer(
            "/_matrix/federation/v1/user/keys/query", ["device_keys": [bob: ["A": keys("A"), "B": keys("B")]]])
        house.others.meanwhile.withLock { held in
            held = { try await house.take("m.device_list_update", update("B", 6, after: [5])) }
        }
        var answer = try await query(house, caller)
        #expect(answer["device_keys"]?[bob]?.objectValue?.keys == ["A", "B"])
        house.others.answer(Self.list, list(6, [keys("A"), keys("B")]))
        answer = try await query(house, caller)
        #expect(answer["device_keys"]?[bob]?.objectValue?.keys == ["A", "B"])
        #expect(house.others.asked.map(\.method) == [.get, .post, .get])
        try house.close()
    }

    @Test func whoSharesNoRoomIsAskedEachTime() async throws {
        let house = try IntakeHouse()
        let caller = try await house.login(alice, "ONE")
        try await house.createRoom()
        house.others.answer(Self.list, list(5, [keys("A")]))
        _ = try await query(house, caller)
        try await house.member(bob, "leave")
        // What comes now is not told to us, so what is kept is worth nothing until it is fetched again.
        house.others.answer(
            "/_matrix/federation/v1/user/keys/query",
            [
                "device_keys": [
                    bob: ["N": keys("N"), "M": keys("other")], "@eve:b.org": ["E": keys("E")], alice: ["X": keys("X")],
                ],
                "master_keys": [bob: ["user_id": "@eve:b.org", "usage": ["master"], "keys": [:]]],
            ])
        var answer = try await query(house, caller)
        #expect(answer["device_keys"]?.objectValue?.keys == [bob])
        #expect(answer["device_keys"]?[bob]?.objectValue?.keys == ["N"] && answer["master_keys"] == [:])
        try await house.member(bob, "join")
        house.others.answer(Self.list, list(8, [keys("A2")]))
        answer = try await query(house, caller)
        #expect(answer["device_keys"]?[bob]?.objectValue?.keys == ["A2"])
        #expect(house.others.asked.map(\.method) == [.get, .post, .get])
        try house.close()
    }

    @Test func keysAreClaimedFromTheirServer() async throws {
        let house = try IntakeHouse()
        let target = KeyClaimTarget(
            user: try UserID(parsing: bob), deviceID: "A", algorithm: "signed_curve25519")
        var result = try await house.remoteKeys.claim([target], timeoutMs: 1_000)
        #expect(result.keys == [:] && result.failures["b.org"] != nil)
        house.others.answer(
            "/_matrix/federation/v1/user/keys/claim",
            [
                "one_time_keys": [
                    bob: ["A": ["signed_curve25519:1": ["key": "k"]], "B": ["signed_curve25519:2": ["key": "l"]]],
                    alice: ["ONE": ["signed_curve25519:3": ["key": "m"]]],
                ]
            ])
        result = try await house.remoteKeys.claim([target], timeoutMs: 1_000)
        #expect(result.keys == [bob: ["A": ["signed_curve25519:1": ["key": "k"]]]] && result.failures == [:])
        let body: JSONObject = ["one_time_keys": [bob: ["A": "signed_curve25519"]]]
        #expect(house.others.asked.last?.body == body)
        try house.close()
    }

    @Test func messagesToOtherServersAreFactsOfTheSameCommit() async throws {
        let house = try IntakeHouse()
        let caller = try await house.login(alice, "ONE")
        let body: JSONObject = [
            "messages": [
                alice: ["*": ["n": 1]], bob: ["A": ["n": 2], "*": ["n": 3]], "@carol:c.org": ["D": ["n": 4]],
            ]
        ]
        for _ in 0..<2 {
            try await house.keys.send(
                ToDeviceRequest(body: body), type: "m.x", transactionID: "t", caller: caller)
        }
        let forwarded = try house.log.read(from: .first, limit: 100).filter { $0.kind == .toDeviceForwarded }
            .map { try ToDeviceForwarded(payload: $0.payload) }
        #expect(forwarded.map(\.server) == ["b.org", "c.org"])
        #expect(forwarded.first?.messages == [bob: ["A": ["n": 2], "*": ["n": 3]]])
        #expect(Set(forwarded.map(\.messageID)).count == 2)
        #expect(forwarded.allSatisfy { $0.messageID.unicodeScalars.count <= 32 && $0.sender == alice })
        #expect(try house.messages(caller).count == 1)
        try house.close()
    }
}
