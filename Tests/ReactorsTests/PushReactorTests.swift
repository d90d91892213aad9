import CanonicalJSON
import LogEvents
import PushRules
import Queries
import ReadModel
import Testing

@testable import Reactors

@Suite(.timeLimit(.minutes(10))) struct PushReactorTests {
    @Test func aMessageIsToldInFull() async throws {
        let house = try PushHouse()
        try await house.createRoom()
        try await house.setPusher()
        house.start()
        try await house.until { house.load.pushers == 1 }
        let id = try await house.message("hello", ["m.mentions": ["user_ids": [.string(alice)]]])
        let posted = try #require(await house.gateway.nextEvents(1).first)
        let expected: JSONValue = [
            "notification": [
                "id": .string(id), "event_id": .string(id), "room_id": .string(room), "type": "m.room.message",
                "sender": .string(bob), "sender_display_name": "Bob", "room_name": "Bob", "prio": "high",
                "content": ["msgtype": "m.text", "body": "hello", "m.mentions": ["user_ids": [.string(alice)]]],
                "counts": ["unread": 1],
                "devices": [
                    [
                        "app_id": "app", "pushkey": "key", "pushkey_ts": 1_700_000_000, "data": ["custom": "x"],
                        "tweaks": ["sound": "default", "highlight": true],
                    ]
                ],
            ]
        ]
        #expect(posted.json == expected)
        // What is read is told by number alone.
        try await house.read(id)
        let badge = try #require(await house.gateway.next())
        #expect(badge.eventID == nil && badge.unread == 0 && badge.pushKey == "key")
        try await house.close()
    }

    @Test func onlyTheIDWhenAskedFor() async throws {
        let house = try PushHouse()
        try await house.createRoom()
        try await house.setPusher(format: "event_id_only")
        house.start()
        try await house.until { house.load.pushers == 1 }
        let id = try await house.message("secret")
        let posted = try #require(await house.gateway.nextEvents(1).first)
        let names = Set(posted.notification?.objectValue?.keys ?? [])
        #expect(names == ["event_id", "room_id", "counts", "devices", "prio"])
        #expect(posted.eventID == id && posted.unread == 1)
        #expect(
            posted.notification?["devices"]?.arrayValue?.first?["data"] == ["custom": "x", "format": "event_id_only"])
        try await house.close()
    }

    @Test func whoIsNotNotifiedIsNotPushed() async throws {
        let house = try PushHouse()
        try await house.createRoom()
        try await house.setPusher()
        try await house.setPusher("bobs", of: bob)
        house.start()
        try await house.until { house.load.pushers == 2 }
        try await house.send("m.room.topic", by: bob, stateKey: "", ["topic": "t"])
        try await house.message("from a bot", ["msgtype": "m.notice"])
        let change = PushRuleChange(
            .room, room, .put(PushRule(ruleID: room, actions: ["dont_notify"]), before: nil, after: nil))
        try await house.record(PushRuleChanged(userID: alice, change: change.json))
        try await house.message("muted")
        let loud = try await house.message("not muted", ["m.mentions": ["user_ids": [.string(alice)]]])
        let toBob = try await house.message("to Bob", by: alice)
        // An invitation is pushed although its target is in no room.
        let other = "!other:example.org"
        try await house.send("m.room.create", by: bob, stateKey: "", in: other, ["room_version": "10"])
        try await house.send("m.room.member", by: bob, stateKey: bob, in: other, ["membership": "join"])
        let invite = try await house.send(
            "m.room.member", by: bob, stateKey: alice, in: other, ["membership": "invite"])
        let posted = await house.gateway.nextEvents(3)
        #expect(Set(posted.compactMap(\.eventID)) == [loud, toBob, invite])
        let invitation = posted.first { $0.eventID == invite }
        #expect(invitation?.notification?["membership"] == "invite")
        #expect(invitation?.notification?["user_is_target"] == true)
        #expect(posted.first { $0.eventID == toBob }?.pushKey == "bobs")
        try await house.close()
    }

    @Test func rejectedKeysEnd() async throws {
        let house = try PushHouse()
        try await house.createRoom()
        try await house.setPusher("bad", host: "bad.example.org")
        try await house.setPusher("good")
        house.gateway.set(.rejecting, host: "bad.example.org")
        house.start()
        try await house.until { house.load.pushers == 2 }
        try await house.message("one")
        _ = await house.gateway.nextEvents(2)
        try await house.until { house.load.pushers == 1 }
        let left = try PushQueries(views: house.views).allPushers()
        #expect(left.map(\.row.pushKey) == ["good"])
        try await house.message("two")
        #expect(await house.gateway.nextEvents(1).first?.pushKey == "good")
        try await house.close()
    }

    @Test func aBrokenGatewayIsAskedAgainAndHoldsNobodyUp() async throws {
        let house = try PushHouse()
        try await house.createRoom()
        try await house.setPusher("broken", host: "broken.example.org")
        for number in 0..<20 { try await house.setPusher("hangs\(number)", host: "hangs.example.org") }
        try await house.setPusher("good")
        house.gateway.set(.failing(502), host: "broken.example.org")
        house.gateway.set(.hanging, host: "hangs.example.org")
        house.start { $0.mostInFlight = 16 }
        try await house.until { house.load.pushers == 22 }
        var ids: [String] = []
        for number in 0..<100 { ids.append(try await house.message("m\(number)")) }
        func told(_ key: String) -> [String] {
            house.gateway.all.filter { $0.pushKey == key }.compactMap(\.eventID)
        }
        try await house.until { told("good").count == 100 }
        #expect(told("good") == ids)
        // Eight requests hang; nobody asked the broken gateway a second time yet.
        #expect(house.gateway.all.filter { $0.host == "hangs.example.org" }.count == 8)
        #expect(told("broken") == [ids[0]])
        house.advance(ms: 500)
        house.gateway.set(.accepting, host: "broken.example.org")
        house.advance(ms: 5_000)
        // More have come than are kept in line: the others are found again, in order.
        try await house.until { told("broken").count == 101 }
        #expect(Array(told("broken").dropFirst()) == ids)
        try await house.close()
    }

    @Test func afterAStopEverythingGoesOnWhereItWas() async throws {
        let house = try PushHouse()
        try await house.createRoom()
        try await house.setPusher()
        house.start()
        try await house.until { house.load.pushers == 1 }
        var ids = [try await house.message("one")]
        _ = await house.gateway.nextEvents(1)
        await house.stop()
        for number in 0..<5 { ids.append(try await house.message("while down \(number)")) }
        house.start()
        _ = await house.gateway.nextEvents(5)
        ids.append(try await house.message("last"))
        _ = await house.gateway.nextEvents(1)
        #expect(house.gateway.all.compactMap(\.eventID) == ids)
        try await house.close()
    }

    /// Whatever was told before a crash and not noted is told again; nothing is left out.
    @Test func aCrashLosesNothing() async throws {
        let house = try PushHouse()
        try await house.createRoom()
        try await house.setPusher()
        try await house.setPusher("broken", host: "broken.example.org")
        house.gateway.set(.failing(500), host: "broken.example.org")
        var ids: [String] = []
        for _ in 0..<4 {
            house.start()
            try await house.until { house.load.pushers == 2 }
            for number in 0..<10 { ids.append(try await house.message("m\(number)")) }
            try await house.until { house.gateway.all.contains { $0.eventID == ids.last && $0.pushKey == "key" } }
            await house.crash()
            house.advance(ms: 100)
        }
        house.gateway.set(.accepting, host: "broken.example.org")
        house.start()
        house.advance(ms: 10_000)
        for key in ["key", "broken"] {
            try await house.until {
                Set(house.gateway.all.filter { $0.pushKey == key }.compactMap(\.eventID)).isSuperset(of: ids)
            }
        }
        try await house.close()
    }

    @Test func readMessagesAreNotPushedAnyMore() async throws {
        let house = try PushHouse()
        try await house.createRoom()
        try await house.setPusher()
        house.gateway.set(.failing(500), host: "push.example.org")
        house.start()
        try await house.until { house.load.pushers == 1 }
        try await house.message("one")
        let two = try await house.message("two")
        _ = await house.gateway.nextEvents(1)
        try await house.read(two)
        house.gateway.set(.accepting, host: "push.example.org")
        let three = try await house.message("three")
        house.advance(ms: 5_000)
        let next = await house.gateway.nextEvents(1)
        #expect(next.first?.eventID == three && next.first?.unread == 1)
        try await house.close()
    }
}
