import CanonicalJSON
import Testing

@testable import ClientAPI
@testable import HTTPFront

@Suite struct EncryptionTests {
    private func upload(
        _ server: InProcessServer, _ token: String, _ user: String, _ device: String, identity: String = "key"
    ) async throws -> InProcessServer.Answer {
        try await server.call(
            .post, "/keys/upload",
            [
                "device_keys": [
                    "user_id": .string(user), "device_id": .string(device), "algorithms": ["a"],
                    "keys": ["ed25519:\(device)": .string(identity)], "signatures": [:],
                ],
                "one_time_keys": ["signed_curve25519:A": ["key": "one"], "plain:B": "two"],
                "fallback_keys": ["signed_curve25519:F": ["key": "three", "fallback": true]],
            ], token: token)
    }

    private func device(_ server: InProcessServer, _ token: String) async throws -> String {
        try #require(try await server.call(.get, "/account/whoami", token: token)["device_id"]?.stringValue)
    }

    @Test func keysAreUploadedQueriedAndClaimed() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let bobs = try await device(server, bob)
        let answer = try await upload(server, bob, "@bob:example.org", bobs)
        #expect(answer["one_time_key_counts"] == ["plain": 1, "signed_curve25519": 1])

        var found = try await server.call(
            .post, "/keys/query",
            ["device_keys": ["@bob:example.org": [], "@x:remote.org": [], "@no:example.org": []]],
            token: alice)
        let keys = found["device_keys"]?["@bob:example.org"]?[bobs]
        #expect(keys?["keys"] == ["ed25519:\(bobs)": "key"])
        #expect(keys?["unsigned"] == [:])
        #expect(found["failures"]?["remote.org"]?["status"] == 503)
        #expect(found["device_keys"]?["@no:example.org"] == nil)
        _ = try await server.call(.put, "/devices/\(bobs)", ["display_name": "Tel \"x\""], token: bob)
        found = try await server.call(
            .post, "/keys/query", ["device_keys": ["@bob:example.org": [.string(bobs), "OTHER"]]], token: alice)
        #expect(
            found["device_keys"]?["@bob:example.org"]?[bobs]?["unsigned"] == ["device_display_name": "Tel \"x\""])

        let claim: JSONValue = ["one_time_keys": ["@bob:example.org": [bobs: "signed_curve25519", "NONE": "x"]]]
        let names = ["signed_curve25519:A", "signed_curve25519:F", "signed_curve25519:F"]
        for name in names {
            let claimed = try await server.call(.post, "/keys/claim", claim, token: alice)
            #expect(claimed.status == 200)
            #expect(claimed["one_time_keys"]?["@bob:example.org"]?[bobs]?.objectValue?.keys == [name])
            #expect(claimed["one_time_keys"]?["@bob:example.org"]?["NONE"] == nil)
        }
        let sync = try await server.call(.get, "/sync", token: bob)
        #expect(sync["device_one_time_keys_count"] == ["plain": 1, "signed_curve25519": 0])
        #expect(sync["device_unused_fallback_key_types"] == [])
        // With the login everything ends.
        _ = try await server.call(.post, "/logout", [:], token: bob)
        found = try await server.call(
            .post, "/keys/query", ["device_keys": ["@bob:example.org": []]], token: alice)
        #expect(found["device_keys"]?["@bob:example.org"] == [:])
        let none = try await server.call(.post, "/keys/claim", claim, token: alice)
        #expect(none["one_time_keys"] == [:])
    }

    @Test func wrongUploadsAreRefused() async throws {
        let server = try InProcessServer()
        let bob = try await server.register("bob")
        let own = try await device(server, bob)
        let right: JSONObject = [
            "user_id": "@bob:example.org", "device_id": .string(own), "algorithms": ["a"], "keys": ["a:b": "c"],
            "signatures": [:],
        ]
        func with(_ name: String, _ value: JSONValue?) -> JSONValue {
            var keys = right
            keys[name] = value
            return ["device_keys": .object(keys)]
        }
        let bodies: [(JSONValue, String)] = [
            (with("user_id", "@eve:example.org"), "M_INVALID_PARAM"), (with("device_id", "OTHER"), "M_INVALID_PARAM"),
            (with("user_id", nil), "M_MISSING_PARAM"), (with("device_id", 7), "M_BAD_JSON"),
            (with("algorithms", nil), "M_BAD_JSON"), (with("keys", nil), "M_BAD_JSON"),
            (with("signatures", nil), "M_BAD_JSON"), (with("algorithms", "x"), "M_BAD_JSON"),
            (with("keys", [1]), "M_BAD_JSON"),
            (with("signatures", ["@bob:example.org": "x"]), "M_BAD_JSON"), (with("n", 1.5), "M_BAD_JSON"),
            (["device_keys": "x"], "M_BAD_JSON"), (["one_time_keys": [1]], "M_BAD_JSON"),
            (["one_time_keys": ["nocolon": "x"]], "M_INVALID_PARAM"), (["one_time_keys": ["a:b": 1]], "M_BAD_JSON"),
            (["one_time_keys": ["a:b": ["nokey": "x"]]], "M_BAD_JSON"),
            (["fallback_keys": ["a:1": "x", "a:2": "y"]], "M_INVALID_PARAM"),
        ]
        for (body, errcode) in bodies {
            let answer = try await server.call(.post, "/keys/upload", body, token: bob)
            #expect(answer.status == 400 && answer.errcode == errcode, "\(body) \(answer.json)")
        }
        _ = try await upload(server, bob, "@bob:example.org", own)
        let other = try await server.call(
            .post, "/keys/upload", ["one_time_keys": ["plain:B": "another"]], token: bob)
        #expect(other.status == 400 && other.json["error"]?.stringValue?.contains("already exists") == true)
        for (path, body) in [
            ("/keys/query", "{}"), ("/keys/query", "{\"device_keys\":[]}"),
            ("/keys/query", "{\"device_keys\":{\"@b:c\":1}}"),
            ("/keys/query", "{\"device_keys\":{\"x\":[]}}"), ("/keys/claim", "{}"),
            ("/keys/claim", "{\"one_time_keys\":{\"@b:c\":[]}}"),
            ("/keys/claim", "{\"one_time_keys\":{\"@b:c\":{\"D\":1}}}"),
        ] {
            let answer = try await server.call(.post, path, token: bob, raw: body)
            #expect(answer.status == 400, "\(path) \(body) \(answer.json)")
        }
    }

    @Test func changesOfDevicesAreHeardOf() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let room = try await server.createRoom(alice)
        func sync(_ since: String) async throws -> (next: String, changed: JSONValue?, left: JSONValue?) {
            let answer = try await server.call(.get, "/sync?since=\(since)", token: alice)
            return (
                answer["next_batch"]?.stringValue ?? "", answer["device_lists"]?["changed"],
                answer["device_lists"]?["left"]
            )
        }
        let first = try await server.call(.get, "/sync", token: alice)["next_batch"]?.stringValue ?? ""
        _ = try await upload(server, bob, "@bob:example.org", try await device(server, bob))
        let apart = try await sync(first)
        #expect(apart.changed == [])
        _ = try await server.call(.post, "/join/\(room)", [:], token: bob)
        let joined = try await sync(apart.next)
        #expect(joined.changed == ["@bob:example.org"])
        #expect(try await sync(joined.next).changed == [])
        _ = try await server.call(
            .put, "/profile/@bob:example.org/displayname", ["displayname": "Bobby"], token: bob)
        #expect(try await sync(joined.next).changed == [])
        _ = try await upload(server, bob, "@bob:example.org", try await device(server, bob), identity: "other")
        let renewed = try await sync(joined.next)
        #expect(renewed.changed == ["@bob:example.org"])
        let changes = try await server.call(
            .get, "/keys/changes?from=\(joined.next)&to=\(renewed.next)", token: alice)
        #expect(changes.json == ["changed": ["@bob:example.org"], "left": []])
        _ = try await server.call(.post, "/rooms/\(room)/leave", [:], token: bob)
        let left = try await sync(renewed.next)
        #expect(left.changed == [] && left.left == ["@bob:example.org"])
        for bad in ["/keys/changes", "/keys/changes?from=x", "/keys/changes?from=\(first)&to=%00"] {
            #expect(try await server.call(.get, bad, token: alice).status == 400)
        }
    }

    @Test func messagesToDevicesArriveOnce() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let bobs = try await device(server, bob)
        for number in 0..<130 {
            let answer = try await server.call(
                .put, "/sendToDevice/m.test/\(number)",
                ["messages": ["@bob:example.org": [bobs: ["n": .integer(Int64(number))]]]], token: alice)
            #expect(answer.status == 200)
        }
        var next = ""
        var numbers: [Int64] = []
        for round in 0..<3 {
            let answer = try await server.call(.get, next.isEmpty ? "/sync" : "/sync?since=\(next)", token: bob)
            let events = answer["to_device"]?["events"]?.arrayValue ?? []
            #expect(events.count == [100, 30, 0][round])
            for event in events {
                #expect(event["sender"] == "@alice:example.org" && event["type"] == "m.test")
                numbers.append(event["content"]?["n"]?.integerValue ?? -1)
            }
            next = answer["next_batch"]?.stringValue ?? ""
        }
        #expect(numbers == (0..<130).map(Int64.init))
        #expect(try await server.call(.get, "/sync", token: bob)["to_device"]?["events"] == [])
        for body in ["{}", "{\"messages\":[]}", "{\"messages\":{\"x\":{}}}", "{\"messages\":{\"@a:b\":{\"D\":1}}}"] {
            #expect(try await server.call(.put, "/sendToDevice/m.test/z", token: alice, raw: body).status == 400)
        }
    }
}
