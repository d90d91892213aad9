import CanonicalJSON
import LogEvents
import Queries
import Testing

/// The filters of lists, and what a request may say at all.
@Suite("Sliding sync: requests and filters") struct SlidingFilterTests {
    private func world() throws -> World {
        let world = try World()
        for name in ["plain", "dm", "secret", "space", "inside", "tagged"] {
            let id = "!\(name):x"
            let type: JSONObject = name == "space" ? ["type": "m.space"] : [:]
            try world.send(
                "m.room.create", in: id, by: alice, stateKey: "", type.merging(["room_version": "10"]))
            try world.member(alice, "join", in: id)
            try world.send("m.room.name", in: id, by: alice, stateKey: "", ["name": .string("The \(name) Room")])
        }
        try world.send("m.room.encryption", in: "!secret:x", by: alice, stateKey: "", ["algorithm": "a"])
        try world.send("m.space.child", in: "!space:x", by: alice, stateKey: "!inside:x", ["via": ["x"]])
        try world.send("m.space.child", in: "!space:x", by: alice, stateKey: "!dm:x", [:])
        try world.createRoom("!invited:x", by: bob)
        try world.member(alice, "invite", in: "!invited:x", by: bob)
        try world.record(AccountDataSet(userID: alice, type: "m.direct", content: [bob: ["!dm:x", "!gone:x", 5]]))
        let tags: JSONValue = ["tags": ["m.favourite": [:], "u.work": [:]]]
        try world.record(AccountDataSet(userID: alice, roomID: "!tagged:x", type: "m.tag", content: tags))
        return world
    }

    @Test("each filter chooses its rooms")
    func filters() throws {
        let world = try world()
        let all: Set = ["plain", "dm", "secret", "space", "inside", "tagged", "invited"]
        func rooms(_ filters: JSONValue) throws -> Set<String> {
            var client = SlidingClient(world, alice)
            let answer = try client.sync(["lists": ["a": SlidingSyncTests.list(filters: filters)]])
            let rooms = Set((answer["rooms"]?.objectValue?.keys ?? []).map { String($0.dropFirst().dropLast(2)) })
            #expect(client.counts["a"] == Int64(rooms.count))
            return rooms
        }
        #expect(try rooms([:]) == all)
        #expect(try rooms(["is_dm": true]) == ["dm"])
        #expect(try rooms(["is_dm": false]) == all.subtracting(["dm"]))
        #expect(try rooms(["is_encrypted": true]) == ["secret"])
        #expect(try rooms(["is_encrypted": false]) == all.subtracting(["secret"]))
        #expect(try rooms(["is_invite": true]) == ["invited"])
        #expect(try rooms(["is_invited": false]) == all.subtracting(["invited"]))
        #expect(try rooms(["room_types": ["m.space"]]) == ["space"])
        #expect(try rooms(["room_types": [.null]]) == all.subtracting(["space"]))
        #expect(try rooms(["room_types": [.null, "m.space"]]) == all)
        #expect(try rooms(["room_types": []]) == [])
        #expect(try rooms(["not_room_types": ["m.space"]]) == all.subtracting(["space"]))
        #expect(try rooms(["not_room_types": [.null], "room_types": [.null, "m.space"]]) == ["space"])
        #expect(try rooms(["tags": ["u.work", "u.none"]]) == ["tagged"])
        #expect(try rooms(["tags": ["u.work"], "not_tags": ["m.favourite"]]) == [])
        #expect(try rooms(["not_tags": ["m.favourite"]]) == all.subtracting(["tagged"]))
        #expect(try rooms(["is_favourite": true]) == ["tagged"])
        #expect(try rooms(["is_favourite": false]) == all.subtracting(["tagged"]))
        #expect(try rooms(["room_name_like": "SECRET r"]) == ["secret"])
        #expect(try rooms(["room_name_like": ""]) == all)
        #expect(try rooms(["spaces": ["!space:x", "!unknown:x"]]) == ["inside"])
        #expect(try rooms(["spaces": ["!plain:x"]]) == [])
        #expect(try rooms(["is_dm": .null, "unknown": ["x"]]) == all)
    }

    @Test("a room that becomes a direct chat is told so")
    func becomesDirect() throws {
        let world = try world()
        var client = SlidingClient(world, alice)
        let body: JSONObject = ["lists": ["a": SlidingSyncTests.list()]]
        try client.sync(body)
        #expect(client.rooms["!dm:x"]?.isDM == true)
        try world.record(AccountDataSet(userID: alice, type: "m.direct", content: [bob: ["!plain:x"]]))
        let second = try client.sync(body)
        #expect(Set(second["rooms"]?.objectValue?.keys ?? []) == ["!dm:x", "!plain:x"])
        #expect(client.rooms["!dm:x"]?.isDM == false)
        #expect(client.rooms["!plain:x"]?.isDM == true)
    }

    @Test("lists, ranges and subscriptions that overlap make one room with the larger config")
    func overlap() throws {
        let world = try world()
        var client = SlidingClient(world, alice)
        let answer = try client.sync([
            "lists": [
                "a": ["ranges": [[0, 0], [0, 1], [90, 99]], "timeline_limit": 1, "required_state": []],
                "b": [
                    "range": [0, 0], "timeline_limit": 2,
                    "required_state": ["include": [["type": "m.room.create", "state_key": ""]]],
                ],
                "none": ["ranges": [], "timeline_limit": 9, "required_state": []],
                "whole": ["timeline_limit": 1, "filters": ["is_invite": true]],
            ],
            "room_subscriptions": ["!space:x": ["timeline_limit": 3, "required_state": [["m.room.name", ""]]]],
        ])
        #expect(client.counts == ["a": 7, "b": 7, "none": 7, "whole": 1])
        let rooms = answer["rooms"]?.objectValue ?? [:]
        #expect(Set(rooms.keys) == ["!invited:x", "!space:x"])
        #expect(rooms["!invited:x"]?["lists"] == ["a", "b", "whole"])
        #expect(rooms["!space:x"]?["lists"] == ["a"])
        #expect(rooms["!space:x"]?["timeline"]?.arrayValue?.count == 3)
        #expect(rooms["!space:x"]?["required_state"]?.arrayValue?.types == ["m.room.name"])
    }

    @Test("a request that is none is refused with a sentence, and never more")
    func badRequests() throws {
        let ok: JSONValue = ["timeline_limit": 1, "required_state": []]
        func list(_ changes: JSONObject) -> JSONObject {
            ["lists": ["a": .object((ok.objectValue ?? [:]).merging(changes))]]
        }
        let long = JSONValue.string(String(repeating: "x", count: 300))
        let many = JSONValue.array(Array(repeating: ["m.room.name", ""], count: 300))
        let bad: [JSONObject] = [
            ["lists": []], ["lists": ["a": 1]], ["lists": ["": ok]], ["lists": ["a": [:]]], ["conn_id": 1],
            ["conn_id": long], ["pos": 1], ["timeout": -1], ["timeout": "x"], ["timeout": 1.5], ["set_presence": []],
            ["room_subscriptions": [[]]], ["room_subscriptions": ["!a:x": []]], ["extensions": 1],
            ["extensions": ["e2ee": true]], ["extensions": ["e2ee": ["enabled": 1]]],
            ["extensions": ["to_device": ["enabled": true, "limit": "1"]]],
            ["extensions": ["to_device": ["enabled": true, "since": 1]]],
            ["extensions": ["typing": ["enabled": true, "lists": "a"]]],
            list(["timeline_limit": -1]), list(["timeline_limit": "1"]), list(["timeline_limit": .null]),
            list(["ranges": [[0]]]), list(["ranges": [0, 1]]), list(["ranges": [[1, 0]]]), list(["ranges": [[-1, 1]]]),
            list(["ranges": [["0", "1"]]]), list(["range": [0, 1, 2]]), list(["range": [0.5, 1]]),
            list(["ranges": .array(Array(repeating: [0, 1], count: 101))]), list(["required_state": "x"]),
            list(["required_state": [["a"]]]), list(["required_state": [["a", 1]]]), list(["required_state": many]),
            list(["required_state": [[long, ""]]]), list(["required_state": ["include": [1]]]),
            list(["required_state": ["include": [["type": 1]]]]), list(["required_state": ["lazy_members": 1]]),
            list(["filters": []]), list(["filters": ["is_dm": 1]]), list(["filters": ["room_types": [1]]]),
            list(["filters": ["tags": "x"]]), list(["filters": ["room_name_like": long]]),
            ["lists": .object(JSONObject((0...100).map { ("\($0)", ok) }))],
            ["room_subscriptions": .object(JSONObject((0...100).map { ("!\($0):x", ok) }))],
            [
                "lists": .object(
                    JSONObject(
                        (0..<20).map { name in
                            (
                                "\(name)",
                                [
                                    "timeline_limit": 1,
                                    "required_state": .array(Array(repeating: ["m.room.name", ""], count: 256)),
                                ]
                            )
                        }))
            ],
        ]
        for body in bad {
            let error = #expect(throws: QueryRefusal.self, "\(body)") { try SlidingSyncRequest(body, me: alice) }
            #expect(error?.status == 400)
        }
        let request = try SlidingSyncRequest(
            list(["ranges": [[0, 9_223_372_036_854_775_807]], "unknown": [1]]), me: alice,
            query: { ["pos": "p", "timeout": "30", "set_presence": "offline"][$0] })
        #expect(request.pos == "p" && request.timeoutMs == 30 && request.setPresence == "offline")
        #expect(try SlidingSyncRequest(["pos": "q"], me: alice, query: { ["pos": "p"][$0] }).pos == "q")
        #expect(throws: QueryRefusal.self) { try SlidingSyncRequest([:], me: alice, query: { _ in "-1" }) }
        let old = try SlidingSyncRequest(
            ["extensions": ["to_device": ["enabled": true, "since": "nonsense"]]], me: alice)
        #expect(throws: QueryRefusal.self) { try old.acknowledgedToDevice }
    }
}
