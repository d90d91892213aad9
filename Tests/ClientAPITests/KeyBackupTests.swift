import CanonicalJSON
import Testing

@testable import ClientAPI
@testable import HTTPFront

@Suite struct KeyBackupTests {
    private func key(_ index: Int64, forwarded: Int64 = 0, verified: Bool = false, _ mark: String = "x") -> JSONValue {
        [
            "first_message_index": .integer(index), "forwarded_count": .integer(forwarded),
            "is_verified": .bool(verified), "session_data": ["ciphertext": .string(mark)],
        ]
    }

    private func begin(_ server: InProcessServer, _ token: String) async throws -> String {
        let answer = try await server.call(
            .post, "/room_keys/version", ["algorithm": "m.megolm_backup.v1", "auth_data": ["public_key": "abc"]],
            token: token)
        return try #require(answer["version"]?.stringValue)
    }

    @Test func versionsComeAndGo() async throws {
        let server = try InProcessServer()
        let token = try await server.register("alice")
        let none = try await server.call(.get, "/room_keys/version", token: token)
        #expect(none.status == 404 && none.errcode == "M_NOT_FOUND")
        let first = try await begin(server, token)
        let second = try await begin(server, token)
        #expect(first != second)
        let current = try await server.call(.get, "/room_keys/version", token: token)
        #expect(
            current.json == [
                "algorithm": "m.megolm_backup.v1", "auth_data": ["public_key": "abc"], "count": 0, "etag": "0",
                "version": .string(second),
            ])
        let old = try await server.call(
            .put, "/room_keys/keys?version=\(first)", ["rooms": ["!r:s": ["sessions": ["s": key(1)]]]], token: token)
        #expect(old.status == 403 && old.errcode == "M_WRONG_ROOM_KEYS_VERSION")
        #expect(old["current_version"] == .string(second))
        let change: JSONValue = ["algorithm": "m.megolm_backup.v1", "auth_data": ["public_key": "def"]]
        #expect(try await server.call(.put, "/room_keys/version/\(first)", change, token: token).status == 200)
        #expect(
            try await server.call(.get, "/room_keys/version/\(first)", token: token)["auth_data"] == [
                "public_key": "def"
            ])
        for wrong: JSONValue in [
            ["algorithm": "other", "auth_data": [:]],
            ["algorithm": "m.megolm_backup.v1", "auth_data": [:], "version": "77"],
        ] {
            let answer = try await server.call(.put, "/room_keys/version/\(first)", wrong, token: token)
            #expect(answer.status == 400 && answer.errcode == "M_INVALID_PARAM")
        }
        #expect(try await server.call(.delete, "/room_keys/version/\(second)", token: token).status == 200)
        #expect(try await server.call(.delete, "/room_keys/version/\(second)", token: token).status == 200)
        #expect(try await server.call(.delete, "/room_keys/version/99", token: token).status == 404)
        #expect(try await server.call(.get, "/room_keys/version/\(second)", token: token).status == 404)
        #expect(try await server.call(.get, "/room_keys/version", token: token)["version"] == .string(first))
        #expect(try await begin(server, token) == "3")
    }

    @Test func theBetterKeyStays() async throws {
        let server = try InProcessServer()
        let token = try await server.register("alice")
        let version = try await begin(server, token)
        // Each is offered to what is there; the mark of the one that stays.
        let offers: [(JSONValue, String)] = [
            (key(5, forwarded: 3, "a"), "a"), (key(6, "b"), "a"), (key(5, forwarded: 3, "c"), "a"),
            (key(5, forwarded: 2, "d"), "d"), (key(4, forwarded: 9, "e"), "e"), (key(9, verified: true, "f"), "f"),
            (key(1, "g"), "f"), (key(8, forwarded: 1, verified: true, "h"), "h"),
        ]
        for (offer, mark) in offers {
            let put = try await server.call(
                .put, "/room_keys/keys/!r:s/session?version=\(version)", offer, token: token)
            #expect(put.status == 200 && put["count"] == 1)
            let held = try await server.call(
                .get, "/room_keys/keys/!r:s/session?version=\(version)", token: token)
            #expect(held["session_data"]?["ciphertext"] == .string(mark))
        }
    }

    @Test func keysAreCountedAndRemoved() async throws {
        let server = try InProcessServer()
        let token = try await server.register("alice")
        let version = try await begin(server, token)
        let query = "version=\(version)"
        let all: JSONValue = [
            "rooms": [
                "!a:s": ["sessions": ["1": key(1), "2": key(1)]], "!b:s": ["sessions": ["1": key(1)]],
            ]
        ]
        let put = try await server.call(.put, "/room_keys/keys?\(query)", all, token: token)
        #expect(put["count"] == 3 && put["etag"] == "1")
        // What changes nothing leaves the mark.
        #expect(try await server.call(.put, "/room_keys/keys?\(query)", all, token: token)["etag"] == "1")
        let room = try await server.call(
            .put, "/room_keys/keys/!c:s?\(query)", ["sessions": ["9": key(2)]], token: token)
        #expect(room["count"] == 4 && room["etag"] == "2")
        let got = try await server.call(.get, "/room_keys/keys?\(query)", token: token)
        #expect(got["rooms"]?.objectValue?.keys == ["!a:s", "!b:s", "!c:s"])
        #expect(got["rooms"]?["!a:s"]?["sessions"]?["2"] == key(1))
        let one = try await server.call(.get, "/room_keys/keys/!b:s?\(query)", token: token)
        #expect(one.json == ["sessions": ["1": key(1)]])
        #expect(try await server.call(.get, "/room_keys/keys/!none:s?\(query)", token: token).json == ["sessions": [:]])
        let missing = try await server.call(.get, "/room_keys/keys/!b:s/7?\(query)", token: token)
        #expect(missing.status == 404 && missing.errcode == "M_NOT_FOUND")
        #expect(try await server.call(.delete, "/room_keys/keys/!a:s/1?\(query)", token: token)["count"] == 3)
        #expect(try await server.call(.delete, "/room_keys/keys/!a:s?\(query)", token: token)["count"] == 2)
        let rest = try await server.call(.delete, "/room_keys/keys?\(query)", token: token)
        #expect(rest["count"] == 0 && rest["etag"] == "5")
        #expect(try await server.call(.get, "/room_keys/keys?\(query)", token: token).json == ["rooms": [:]])
    }

    @Test func wrongKeysAreRefused() async throws {
        let server = try InProcessServer()
        let token = try await server.register("alice")
        let version = try await begin(server, token)
        let paths = ["/room_keys/keys", "/room_keys/keys/!a:s", "/room_keys/keys/!a:s/1"]
        for path in paths {
            for body in [
                "{}", "[]", "{\"rooms\":1,\"sessions\":1}", "{\"rooms\":{\"!a:s\":{\"sessions\":{\"1\":{}}}}}",
            ] {
                let answer = try await server.call(.put, "\(path)?version=\(version)", token: token, raw: body)
                #expect(answer.status == 400, "\(path) \(body) \(answer.json)")
            }
            let absent = try await server.call(.get, path, token: token)
            #expect(absent.status == 400 && absent.errcode == "M_MISSING_PARAM")
            #expect(try await server.call(.get, "\(path)?version=x", token: token).status == 404)
        }
        let right = try #require(key(1).objectValue)
        for name in right.keys {
            for value: JSONValue? in [nil, "x", -1, [1]] {
                var wrong = right
                wrong[name] = value
                let answer = try await server.call(
                    .put, "/room_keys/keys/!a:s/1?version=\(version)", .object(wrong), token: token)
                #expect(answer.status == 400, "\(wrong) \(answer.json)")
            }
        }
        for body in [
            "{}", "{\"algorithm\":1,\"auth_data\":{}}", "{\"algorithm\":\"a\"}",
            "{\"algorithm\":\"\",\"auth_data\":{}}",
        ] {
            #expect(try await server.call(.post, "/room_keys/version", token: token, raw: body).status == 400)
        }
    }

    @Test func aDehydratedDeviceReceivesMessages() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let path = "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device"
        #expect(try await server.call(.get, path, token: alice).status == 404)
        func body(_ id: String) -> JSONValue {
            [
                "device_id": .string(id), "device_data": ["algorithm": "m.dehydration.v2", "device_pickle": "p"],
                "initial_device_display_name": "dehydrated",
                "device_keys": [
                    "user_id": "@alice:example.org", "device_id": .string(id), "dehydrated": true,
                    "algorithms": ["a"], "keys": ["ed25519:\(id)": "k"], "signatures": [:],
                ],
                "one_time_keys": ["signed_curve25519:\(id)": ["key": .string(id)]],
            ]
        }
        #expect(try await server.call(.put, path, body("FIRST"), token: alice)["device_id"] == "FIRST")
        #expect(try await server.call(.put, path, body("DRY"), token: alice).status == 200)
        #expect(
            try await server.call(.get, path, token: alice).json == [
                "device_id": "DRY", "device_data": ["algorithm": "m.dehydration.v2", "device_pickle": "p"],
            ])
        let query: JSONValue = ["device_keys": ["@alice:example.org": []]]
        let found = try await server.call(.post, "/keys/query", query, token: bob)
        #expect(found["device_keys"]?["@alice:example.org"]?.objectValue?.keys == ["DRY"])
        #expect(
            found["device_keys"]?["@alice:example.org"]?["DRY"]?["unsigned"] == ["device_display_name": "dehydrated"])
        let claimed = try await server.call(
            .post, "/keys/claim", ["one_time_keys": ["@alice:example.org": ["DRY": "signed_curve25519"]]], token: bob)
        #expect(claimed["one_time_keys"]?["@alice:example.org"]?["DRY"] != nil)
        for number in 0..<120 {
            _ = try await server.call(
                .put, "/sendToDevice/m.test/\(number)",
                ["messages": ["@alice:example.org": ["DRY": ["n": .integer(Int64(number))]]]], token: bob)
        }
        var next: JSONValue = .null
        for count in [100, 20, 0] {
            let page = try await server.call(.post, path + "/DRY/events", ["next_batch": next], token: alice)
            #expect(page["events"]?.arrayValue?.count == count)
            next = page["next_batch"] ?? .null
        }
        #expect(try await server.call(.post, path + "/FIRST/events", [:], token: alice).status == 403)
        #expect(try await server.call(.delete, path, token: alice)["device_id"] == "DRY")
        #expect(try await server.call(.get, path, token: alice).status == 404)
        let gone = try await server.call(.post, "/keys/query", query, token: bob)
        #expect(gone["device_keys"]?["@alice:example.org"] == [:])
        for bad in [
            "{}", "{\"device_id\":1}", "{\"device_id\":\"X\",\"device_data\":1}",
            "{\"device_id\":\"X\",\"device_data\":{}}",
        ] {
            #expect(try await server.call(.put, path, token: alice, raw: bad).status == 400)
        }
    }
}
