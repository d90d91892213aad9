import CanonicalJSON
import EventSigning
import Testing

@testable import ClientAPI
@testable import HTTPFront

@Suite struct CrossSigningTests {
    /// A secret key under a name that may be a public key.
    private struct Signer {
        let key: SigningKey
        let keyID: String

        init(seed: UInt8, name: String? = nil) throws {
            key = try SigningKey(seed: [UInt8](repeating: seed, count: 32), keyID: "ed25519:x")
            keyID = "ed25519:" + (name ?? UnpaddedBase64.encode(key.publicKey))
        }

        var publicText: String { UnpaddedBase64.encode(key.publicKey) }

        func sign(_ object: JSONObject, as user: String) throws -> JSONObject {
            var result = object
            var bytes: [UInt8] = []
            object.writeCanonical(into: &bytes, omitting: ["signatures", "unsigned"])
            let signature = UnpaddedBase64.encode(try key.signature(of: bytes))
            var all = object["signatures"]?.objectValue ?? [:]
            all[user] = .object((all[user]?.objectValue ?? [:]).merging([keyID: .string(signature)]))
            result["signatures"] = .object(all)
            return result
        }
    }

    /// A user's keys, whose secret halves the test has.
    private struct Keys {
        let user: String
        let device: String
        let master: Signer
        let selfSigning: Signer
        let userSigning: Signer
        let deviceKey: Signer

        init(_ user: String, device: String, seed: UInt8) throws {
            self.user = user
            self.device = device
            master = try Signer(seed: seed)
            selfSigning = try Signer(seed: seed + 1)
            userSigning = try Signer(seed: seed + 2)
            deviceKey = try Signer(seed: seed + 3, name: device)
        }

        func object(_ key: Signer, _ usage: String) -> JSONObject {
            ["user_id": .string(user), "usage": [.string(usage)], "keys": [key.keyID: .string(key.publicText)]]
        }

        func signed(_ key: Signer, _ usage: String) throws -> JSONValue {
            .object(try master.sign(object(key, usage), as: user))
        }

        func upload() throws -> JSONObject {
            [
                "master_key": .object(object(master, "master")),
                "self_signing_key": try signed(selfSigning, "self_signing"),
                "user_signing_key": try signed(userSigning, "user_signing"),
            ]
        }

        var deviceKeys: JSONObject {
            [
                "user_id": .string(user), "device_id": .string(device), "algorithms": [],
                "keys": [deviceKey.keyID: .string(deviceKey.publicText)], "signatures": [:],
            ]
        }
    }

    private func keys(_ server: InProcessServer, _ token: String, _ name: String, seed: UInt8) async throws -> Keys {
        let device = try #require(
            try await server.call(.get, "/account/whoami", token: token)["device_id"]?.stringValue)
        return try Keys("@\(name):example.org", device: device, seed: seed)
    }

    private let path = "/keys/device_signing/upload"

    @Test func onlyAChangeNeedsAuthentication() async throws {
        let server = try InProcessServer()
        let token = try await server.register("alice")
        let alice = try await keys(server, token, "alice", seed: 1)
        let body = JSONValue.object(try alice.upload())
        #expect(try await server.call(.post, path, body, token: token).status == 200)
        // The answer was lost: the same again.
        #expect(try await server.call(.post, path, body, token: token).status == 200)
        let others = try Keys(alice.user, device: alice.device, seed: 100)
        var changed = try others.upload()
        let challenge = try await server.call(.post, path, .object(changed), token: token)
        #expect(challenge.status == 401 && challenge["flows"] != nil)
        changed["auth"] = [
            "type": "m.login.password", "password": "password of alice", "session": challenge["session"] ?? "",
            "identifier": ["type": "m.id.user", "user": "alice"],
        ]
        #expect(try await server.call(.post, path, .object(changed), token: token).status == 200)
        // No device may take the name of a key.
        let login = try await server.call(
            .post, "/login",
            [
                "type": "m.login.password", "user": "alice", "password": "password of alice",
                "device_id": .string(others.master.publicText),
            ])
        #expect(login.status == 403)
        let found = try await server.call(
            .post, "/keys/query", ["device_keys": [alice.user: []]], token: token)
        #expect(found["master_keys"]?[alice.user]?["keys"]?.objectValue?.keys == [others.master.keyID])
        #expect(found["user_signing_keys"]?[alice.user] != nil)
    }

    @Test func whatIsNotSignedIsRefused() async throws {
        let server = try InProcessServer()
        let token = try await server.register("alice")
        let alice = try await keys(server, token, "alice", seed: 1)
        let other = try Keys(alice.user, device: alice.device, seed: 50)
        let alone = try await server.call(
            .post, path, ["self_signing_key": try alice.signed(alice.selfSigning, "self_signing")], token: token)
        #expect(alone.status == 400 && alone.errcode == "M_MISSING_PARAM")
        var wrong = try alice.upload()
        wrong["self_signing_key"] = try other.signed(alice.selfSigning, "self_signing")
        let unsigned = try await server.call(.post, path, .object(wrong), token: token)
        #expect(unsigned.status == 400 && unsigned.errcode == "M_INVALID_SIGNATURE")
        for body in [
            "{\"master_key\":1}", "{\"master_key\":{}}", "{\"master_key\":{\"user_id\":\"@bob:example.org\"}}",
            "{\"master_key\":{\"user_id\":\"@alice:example.org\",\"usage\":[1]}}",
            "{\"master_key\":{\"user_id\":\"@alice:example.org\",\"usage\":[\"master\"],\"keys\":{}}}",
            "{\"master_key\":{\"user_id\":\"@alice:example.org\",\"usage\":[\"master\"],\"keys\":{\"ed25519:a\":\"a\"}}}",
        ] {
            #expect(try await server.call(.post, path, token: token, raw: body).status == 400, "\(body)")
        }
    }

    @Test func signaturesAreVerifiedAndShownToWhomTheyConcern() async throws {
        let server = try InProcessServer()
        let tokens = [try await server.register("alice"), try await server.register("bob")]
        let alice = try await keys(server, tokens[0], "alice", seed: 1)
        let bob = try await keys(server, tokens[1], "bob", seed: 60)
        for (token, user) in zip(tokens, [alice, bob]) {
            _ = try await server.call(.post, "/keys/upload", ["device_keys": .object(user.deviceKeys)], token: token)
            _ = try await server.call(.post, path, .object(try user.upload()), token: token)
        }
        let room = try await server.createRoom(tokens[0])
        _ = try await server.call(.post, "/join/\(room)", [:], token: tokens[1])
        let since = try await server.call(.get, "/sync", token: tokens[0])["next_batch"]?.stringValue ?? ""
        let signedDevice = try alice.selfSigning.sign(alice.deviceKeys, as: alice.user)
        let signedMaster = try alice.userSigning.sign(bob.object(bob.master, "master"), as: alice.user)
        let forged = try alice.userSigning.sign(bob.object(bob.selfSigning, "self_signing"), as: alice.user)
        let masterName = String(bob.master.keyID.dropFirst(8))
        let answer = try await server.call(
            .post, "/keys/signatures/upload",
            [
                alice.user: [alice.device: .object(signedDevice), "NONE": .object(signedDevice)],
                bob.user: [masterName: .object(signedMaster), "x": .object(forged)],
            ], token: tokens[0])
        #expect(answer.status == 200)
        #expect(answer["failures"]?[alice.user]?.objectValue?.keys == ["NONE"])
        #expect(answer["failures"]?[bob.user]?["x"]?["errcode"] == "M_NOT_FOUND")
        #expect(answer["failures"]?[bob.user]?[masterName] == nil)
        let sync = try await server.call(.get, "/sync?since=\(since)", token: tokens[0])
        #expect(sync["device_lists"]?["changed"] == [.string(alice.user), .string(bob.user)])

        let query: JSONValue = ["device_keys": [alice.user: [], bob.user: []]]
        let seen = [
            try await server.call(.post, "/keys/query", query, token: tokens[0]),
            try await server.call(.post, "/keys/query", query, token: tokens[1]),
        ]
        for found in seen {
            let device = found["device_keys"]?[alice.user]?[alice.device]
            #expect(device?["signatures"]?[alice.user]?[alice.selfSigning.keyID] != nil)
        }
        #expect(seen[0]["master_keys"]?[bob.user]?["signatures"]?[alice.user] != nil)
        #expect(seen[1]["master_keys"]?[bob.user]?["signatures"]?[alice.user] == nil)
        #expect(seen[1]["user_signing_keys"]?[alice.user] == nil)
        let invalid = signedDevice.merging(["signatures": [alice.user: [alice.selfSigning.keyID: "AAAA"]]])
        let failed = try await server.call(
            .post, "/keys/signatures/upload", [alice.user: [alice.device: .object(invalid)]], token: tokens[0])
        #expect(failed["failures"]?[alice.user]?[alice.device]?["errcode"] == "M_INVALID_SIGNATURE")
        // The device's next upload of the same keys keeps what was added.
        _ = try await server.call(
            .post, "/keys/upload", ["device_keys": .object(alice.deviceKeys)], token: tokens[0])
        let again = try await server.call(.post, "/keys/query", query, token: tokens[1])
        #expect(again["device_keys"] == seen[1]["device_keys"])
    }
}
