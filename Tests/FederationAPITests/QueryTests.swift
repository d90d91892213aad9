import CanonicalJSON
import CommandHandling
import FederationAPI
import HTTPFront
import MatrixIdentifiers
import Queries
import RoomVersions
import Testing

/// The directory, profiles, spaces, devices and keys.
@Suite struct QueryTests {
    @Test func aliases() async throws {
        let server = try ResidentServer()
        let alice = try await server.user("alice")
        let room = try await server.room(of: alice, more: ["room_alias_name": "lobby"])
        try await server.join("@bob:there", to: room)
        try await server.join("@carol:there", to: room)
        let path = "/query/directory?room_alias=%23"
        let found = try await server.call(.get, path + "lobby:here", from: "stranger")
        #expect(found.status == 200 && found["room_id"]?.stringValue == room.rawValue)
        #expect(found["servers"] == ["there", "here"])
        for alias in ["none:here", "lobby:there"] {
            let answer = try await server.call(.get, path + alias)
            #expect(answer.status == 404 && answer.errcode == "M_NOT_FOUND")
        }
        #expect(try await server.call(.get, "/query/directory").errcode == "M_MISSING_PARAM")
        #expect(try await server.call(.get, "/query/directory?room_alias=x").errcode == "M_INVALID_PARAM")
        let other = try await server.call(.get, "/query/nonsense")
        #expect(other.status == 404 && other.errcode == "M_UNRECOGNIZED")
    }

    @Test func profiles() async throws {
        let server = try ResidentServer()
        let alice = try await server.user("alice")
        _ = try await server.user("bare")
        let accounts = AccountCommands(
            environment: server.environment, settings: AccountSettings(), hashing: PasswordHashing())
        _ = try await accounts.setProfileField("displayname", of: alice.userID, to: "Alice", caller: alice)
        _ = try await accounts.setProfileField("m.tz", of: alice.userID, to: "Europe/Paris", caller: alice)
        let path = "/query/profile?user_id=@alice:here"
        let whole = try await server.call(.get, path)
        #expect(whole.json == ["displayname": "Alice", "m.tz": "Europe/Paris"])
        #expect(try await server.call(.get, path + "&field=m.tz").json == ["m.tz": "Europe/Paris"])
        #expect(try await server.call(.get, path + "&field=avatar_url").json == [:])
        #expect(try await server.call(.get, path + "&field=x.y").errcode == "M_NOT_FOUND")
        #expect(try await server.call(.get, "/query/profile?user_id=@nobody:here").errcode == "M_NOT_FOUND")
        #expect(try await server.call(.get, "/query/profile?user_id=@a:there").errcode == "M_INVALID_PARAM")
        #expect(try await server.call(.get, "/query/profile").errcode == "M_MISSING_PARAM")
        let silent = try ResidentServer { $0.allowsProfileLookup = false }
        _ = try await silent.user("alice")
        let refused = try await silent.call(.get, path)
        #expect(refused.status == 403 && refused.errcode == "M_FORBIDDEN")
    }

    @Test func publicRooms() async throws {
        let server = try ResidentServer { $0.allowsPublicRooms = true }
        let alice = try await server.user("alice")
        _ = try await server.room(of: alice, more: ["visibility": "public", "name": "One"])
        _ = try await server.room(
            of: alice, more: ["visibility": "public", "name": "Two", "creation_content": ["type": "m.space"]])
        _ = try await server.room(of: alice, more: ["name": "Three"])
        func names(_ answer: ResidentServer.Answer) -> Set<String> {
            Set((answer["chunk"]?.arrayValue ?? []).compactMap { $0["name"]?.stringValue })
        }
        let all = try await server.call(.get, "/publicRooms?limit=0")
        #expect(names(all) == ["One", "Two"] && all["total_room_count_estimate"] == 2)
        let first = try await server.call(.get, "/publicRooms?limit=1")
        let since = try #require(first["next_batch"]?.stringValue)
        let second = try await server.call(.get, "/publicRooms?limit=1&since=\(since)")
        #expect(names(first).union(names(second)) == ["One", "Two"] && second["next_batch"] == nil)
        let term = try await server.call(.post, "/publicRooms", ["filter": ["generic_search_term": "tw"]])
        #expect(names(term) == ["Two"])
        let spaces = try await server.call(.post, "/publicRooms", ["filter": ["room_types": ["m.space"]]])
        #expect(names(spaces) == ["Two"])
        for body in [["limit": "x"], ["filter": []], ["filter": ["room_types": [1]]], ["since": 1]] as [JSONValue] {
            #expect(try await server.call(.post, "/publicRooms", body).errcode == "M_BAD_JSON")
        }
        #expect(try await server.call(.get, "/publicRooms?limit=-1").errcode == "M_INVALID_PARAM")
        #expect(try await server.call(.get, "/publicRooms?since=x").errcode == "M_INVALID_PARAM")
        // The default: the directory is nobody's business.
        let silent = try ResidentServer()
        #expect(try await silent.call(.get, "/publicRooms").status == 403)
        #expect(try await silent.call(.post, "/publicRooms", [:]).status == 403)
    }

    @Test func hierarchies() async throws {
        let server = try ResidentServer()
        let alice = try await server.user("alice")
        let space = try await server.room(of: alice, version: "11", more: ["creation_content": ["type": "m.space"]])
        let open = try await server.room(of: alice, version: "11", more: ["name": "Open"])
        let closed = try await server.room(of: alice, version: "11", rule: "invite")
        let limited = try await server.room(of: alice, version: "11")
        try await server.set(
            "m.room.join_rules", "",
            [
                "join_rule": "restricted",
                "allow": [["type": "m.room_membership", "room_id": .string(space.rawValue)]],
            ], in: limited, alice)
        for (child, suggested) in [(open, true), (closed, false), (limited, false)] {
            try await server.set(
                "m.space.child", child.rawValue, ["via": ["here"], "suggested": .bool(suggested)], in: space, alice)
        }
        try await server.set("m.space.child", "!else:where", ["via": ["where"]], in: space, alice)
        func children(_ answer: ResidentServer.Answer) -> Set<String> {
            Set((answer["children"]?.arrayValue ?? []).compactMap { $0["room_id"]?.stringValue })
        }
        let seen = try await server.call(.get, "/hierarchy/\(space)")
        #expect(seen.status == 200 && children(seen) == [open.rawValue], "\(seen.json)")
        let hidden = Set(seen["inaccessible_children"]?.arrayValue?.compactMap(\.stringValue) ?? [])
        #expect(hidden == [closed.rawValue, limited.rawValue])
        #expect(seen["room"]?["room_type"] == "m.space" && seen["room"]?["room_version"] == "11")
        let entries = seen["room"]?["children_state"]?.arrayValue ?? []
        #expect(entries.count == 4 && entries.allSatisfy { $0["origin_server_ts"]?.integerValue != nil })
        let suggested = try await server.call(.get, "/hierarchy/\(space)?suggested_only=true")
        #expect(suggested["room"]?["children_state"]?.arrayValue?.count == 1 && children(suggested) == [open.rawValue])
        try await server.join("@bob:there", to: space)
        try await server.invite("@bob:there", to: closed, by: alice)
        let member = try await server.call(.get, "/hierarchy/\(space)")
        #expect(children(member) == [open.rawValue, limited.rawValue, closed.rawValue])
        #expect(try await server.call(.get, "/hierarchy/\(closed)", from: "stranger").status == 404)
        #expect(try await server.call(.get, "/hierarchy/!no:here").status == 404)
        #expect(try await server.call(.get, "/hierarchy/\(space)?suggested_only=x").errcode == "M_INVALID_PARAM")
    }

    private func deviceKeys(_ user: String, _ device: String) -> JSONObject {
        [
            "user_id": .string(user), "device_id": .string(device), "algorithms": ["m.olm.v1.curve25519-aes-sha2"],
            "keys": [
                "curve25519:\(device)": "3C5BFWi2Y8MaVvjM8M22DBmh24PmgR0nPvJOIArzgyI",
                "ed25519:\(device)": "lEuiRJBit0IG6nUf5pUzWTUEsRVVe/HJkoKuEww9ULI",
            ],
            "signatures": [user: ["ed25519:\(device)": "x"]],
        ]
    }

    @Test(arguments: [false, true])
    func devices(_ named: Bool) async throws {
        let server = try ResidentServer { $0.namesDevices = named }
        let alice = try await server.user("alice")
        _ = try await server.user("alice", device: "KEYLESS")
        let before = try await server.call(.get, "/user/devices/@alice:here")
        #expect(before.status == 200 && before["devices"] == [])
        _ = try await server.keys.upload(["device_keys": .object(deviceKeys("@alice:here", "DEVICE"))], caller: alice)
        let accounts = AccountCommands(
            environment: server.environment, settings: AccountSettings(), hashing: PasswordHashing())
        try await accounts.renameDevice(
            "DEVICE", to: "Phone", caller: alice)
        let answer = try await server.call(.get, "/user/devices/@alice:here")
        #expect(answer["user_id"] == "@alice:here")
        let old = before["stream_id"]?.integerValue ?? 0
        #expect(answer["stream_id"]?.integerValue ?? 0 > old)
        let devices = try #require(answer["devices"]?.arrayValue)
        #expect(devices.count == 1 && devices.first?["device_id"] == "DEVICE")
        #expect(devices.first?["keys"]?.objectValue == deviceKeys("@alice:here", "DEVICE"))
        #expect(devices.first?["device_display_name"] == (named ? "Phone" : nil))
        let queried = try await server.call(.post, "/user/keys/query", ["device_keys": ["@alice:here": []]])
        let key = queried["device_keys"]?["@alice:here"]?["DEVICE"]
        #expect(key?["unsigned"] == (named ? ["device_display_name": "Phone"] : [:]), "\(queried.json)")
        #expect(key?["keys"] == deviceKeys("@alice:here", "DEVICE")["keys"])
        #expect(try await server.call(.get, "/user/devices/@nobody:here").errcode == "M_NOT_FOUND")
        #expect(try await server.call(.get, "/user/devices/@alice:there").errcode == "M_INVALID_PARAM")
        for body in [[:], ["device_keys": 5], ["device_keys": ["@a:there": []]], ["device_keys": ["@alice:here": [1]]]]
            as [JSONValue]
        {
            #expect(try await server.call(.post, "/user/keys/query", body).status == 400)
        }
    }

    @Test func oneTimeKeysAreGivenOnce() async throws {
        let server = try ResidentServer()
        let alice = try await server.user("alice")
        var keys: JSONObject = [:]
        for index in 0..<20 { keys["signed_curve25519:K\(index)"] = ["key": .string("public\(index)")] }
        _ = try await server.keys.upload(["one_time_keys": .object(keys)], caller: alice)
        let body: JSONValue = ["one_time_keys": ["@alice:here": ["DEVICE": "signed_curve25519"]]]
        let names = try await withThrowingTaskGroup(of: [String].self) { group in
            for index in 0..<30 {
                group.addTask {
                    let answer = try await server.call(.post, "/user/keys/claim", body, from: "s\(index)")
                    let given = answer["one_time_keys"]?["@alice:here"]?["DEVICE"]?.objectValue?.keys ?? []
                    return answer.status == 200 ? given : ["failed"]
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(Set(names) == Set(keys.keys) && names.count == 20)
        for wrong in [[:], ["one_time_keys": []], ["one_time_keys": ["@alice:here": []]]] as [JSONValue] {
            #expect(try await server.call(.post, "/user/keys/claim", wrong).status == 400)
        }
        let foreign: JSONValue = ["one_time_keys": ["@bob:there": ["X": "signed_curve25519"]]]
        #expect(try await server.call(.post, "/user/keys/claim", foreign).errcode == "M_INVALID_PARAM")
    }

    /// Every endpoint, with bodies and parameters that nobody should send: errors of the asker, never of the server.
    @Test func everyEndpointSurvives() async throws {
        let server = try ResidentServer { $0.allowsPublicRooms = true }
        let alice = try await server.user("alice")
        let room = try await server.room(of: alice)
        let event = try await server.say("x", in: room, alice)
        let deep = String(repeating: "[", count: 5000)
        let long = String(repeating: "x", count: 70_000)
        let bodies = [
            "", "{", "[]", "null", "1e999", "{\"a\":\(deep)", "{\"x\":\"\\ud800\"}",
            "{\"n\":123456789012345678901234567890}", "{\"event\":{},\"room_version\":\"12\"}",
            "{\"event\":[],\"room_version\":12}", "{\"type\":\"m.room.member\",\"content\":5}",
            "{\"latest_events\":[5],\"earliest_events\":{},\"limit\":-1}",
            "{\"latest_events\":[\"$a\"],\"earliest_events\":[\"\(long)\"]}",
            "{\"limit\":9223372036854775807,\"min_depth\":-9223372036854775808,\"latest_events\":[\"\(event)\"],"
                + "\"earliest_events\":[]}",
            "{\"device_keys\":{\"@alice:here\":{}},\"one_time_keys\":{\"@alice:here\":{\"D\":5}}}",
            "{\"type\":\"m.room.member\",\"sender\":\"@\(long):there\",\"state_key\":\"\",\"content\":{},\"depth\":1e300}",
            "{\"auth_events\":[\"$a\"],\"prev_events\":[\"$b\"],\"depth\":9223372036854775807,\"hashes\":{},"
                + "\"signatures\":{\"there\":{\"ed25519:k1\":\"\"}},\"type\":\"m.room.member\",\"origin_server_ts\":-1,"
                + "\"sender\":\"@b:there\",\"state_key\":\"@b:there\",\"room_id\":\"\(room)\","
                + "\"content\":{\"membership\":\"join\"}}",
        ]
        let fillers = [
            room.rawValue, "x", "@alice:here", "@b:there", "%23a:b", event.rawValue,
            "$" + String(repeating: "y", count: 400), "%00",
        ]
        let queries = [
            "limit=-5&dir=x&v=s&since=q&ts=&event_id=&ver=&suggested_only=7&omit_members=9",
            "limit=99999999999999999999&ts=9223372036854775807&dir=b&v=\(event)&event_id=\(event)&ver=12",
            "event_id=$x&v=$x&limit=9223372036854775807&ts=-1&user_id=@&room_alias=%23&field=%00&ver=\(long)",
        ]
        for route in server.api.routes {
            for filler in fillers {
                let path = route.template.split(separator: "/").map { segment in
                    segment.hasPrefix("{") ? filler : String(segment)
                }.joined(separator: "/")
                for query in queries {
                    for body in route.method == .get ? [""] : bodies {
                        let answer = try await server.call(route.method, "/\(path)?\(query)", raw: body)
                        #expect(answer.status < 500, "\(route.method.name) \(path) \(body.prefix(80)) \(answer.json)")
                    }
                }
            }
        }
    }

    @Test func whoAsksMustSayWho() async throws {
        let server = try ResidentServer()
        for route in server.api.routes where !route.template.hasSuffix("/version") {
            let path = route.template.split(separator: "/").map { $0.hasPrefix("{") ? "x" : String($0) }
            let answer = try await server.call(
                route.method, "/" + path.joined(separator: "/"), [:], from: nil)
            #expect(answer.status == 401 && answer.errcode == "M_UNAUTHORIZED", "\(route.template) \(answer.json)")
        }
    }
}
