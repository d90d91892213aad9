import CanonicalJSON
import EventLog
import LogEvents
import MatrixIdentifiers
import PushRules
import ReadModel
import TestSupport
import Testing

@testable import Queries

/// Random lives of two rooms with three users: a counter that remembers, one that was just made and the model agree at every
/// step.
@Suite struct UnreadPropertyTests {
    private struct Life {
        let world: World
        var model = UnreadModel()
        var random: SeededRandom
        let rooms = ["!room:example.org", "!other:example.org"]
        let users = [alice, bob, carol]
        var step = 0

        init(seed: UInt64) throws {
            world = try World()
            random = SeededRandom(seed: seed)
            for room in rooms {
                try send(
                    "m.room.create", in: room, by: alice, stateKey: "",
                    ["room_version": "10", "creator": .string(alice)])
                try member(alice, "join", in: room)
                try send("m.room.power_levels", in: room, by: alice, stateKey: "", ["users": .object([alice: 100])])
                try member(bob, "join", in: room)
            }
        }

        @discardableResult
        mutating func send(
            _ type: String, in room: String, by sender: String, stateKey: String? = nil, _ content: JSONObject
        ) throws -> String {
            let id = try world.send(type, in: room, by: sender, stateKey: stateKey, content)
            try model.add(id, type, in: room, by: sender, stateKey: stateKey, content)
            return id
        }

        mutating func member(_ user: String, _ membership: String, in room: String) throws {
            try send(
                "m.room.member", in: room, by: user, stateKey: user,
                ["membership": .string(membership), "displayname": .string(["word", "name"][random.below(2)])])
        }

        mutating func act() throws {
            step += 1
            let room = rooms[random.below(2)]
            let user = users[random.below(3)]
            let here = model.entries.filter { $0.room == room && !$0.isState }.map(\.id)
            switch random.below(20) {
            case 0, 1: try read(user, here, in: room)
            case 2:
                guard let target = random.pick(here), model.isJoined(user, room) else { return }
                let id = try world.send("m.room.redaction", in: room, by: user, [:], redacts: target)
                try model.add(id, "m.room.redaction", in: room, by: user, [:])
                model.redact(target)
            case 3: try member(user, model.isJoined(user, room) && !random.oneIn(3) ? "leave" : "join", in: room)
            case 4, 5: try changeRules(of: user)
            case 6:
                guard model.isJoined(user, room) else { return }
                try send(["m.room.topic", "m.room.tombstone"][random.below(2)], in: room, by: user, stateKey: "", [:])
            default:
                guard model.isJoined(user, room) else { return }
                try speak(user, here, in: room)
            }
        }

        private mutating func read(_ user: String, _ here: [String], in room: String) throws {
            guard let target = random.pick(here) else { return }
            let threads: [String?] = [nil, nil, "main", random.pick(here)]
            let thread = threads[random.below(4)]
            let type = ["m.read", "m.read.private"][random.below(2)]
            // A later receipt of the same kind replaces an earlier one: commands let it only go forward.
            let isForward = here.lastIndex(of: target) ?? 0 >= lastRead[key(user, room, type, thread)] ?? 0
            guard isForward else { return }
            lastRead[key(user, room, type, thread)] = here.lastIndex(of: target) ?? 0
            try world.receipt(user, target, in: room, type: type, thread: thread)
            model.read(user, target, in: room, thread: thread)
        }

        private var lastRead: [String: Int] = [:]
        private func key(_ user: String, _ room: String, _ type: String, _ thread: String?) -> String {
            [user, room, type, thread ?? "-"].joined(separator: " ")
        }

        private mutating func speak(_ user: String, _ here: [String], in room: String) throws {
            var content: JSONObject = [
                "body": .string(["a word", "swords", "cake!"][random.below(3)]),
                "msgtype": .string(["m.text", "m.text", "m.notice", "M.Notice", "m.image"][random.below(5)]),
            ]
            if random.oneIn(4) { content["m.mentions"] = ["user_ids": [.string(users[random.below(3)])]] }
            if random.oneIn(6) { content["m.mentions"] = ["room": true] }
            if random.oneIn(2), let target = random.pick(here) {
                let type = ["m.thread", "m.thread", "m.replace", "m.annotation", "m.reference"][random.below(5)]
                content["m.relates_to"] = ["rel_type": .string(type), "event_id": .string(target)]
            }
            let types = [
                "m.room.message", "m.room.message", "m.room.message", "m.room.encrypted", "m.reaction", "m.call.invite",
                "m.sticker", "M.room.Message", "org.example.x",
            ]
            try send(types[random.below(types.count)], in: room, by: user, content)
        }

        private mutating func changeRules(of user: String) throws {
            let bodies: [(PushRuleKind, String, JSONObject)] = [
                (.content, "w", ["pattern": "word", "actions": ["notify", ["set_tweak": "highlight"]]]),
                (.room, rooms[random.below(2)], ["actions": [random.oneIn(2) ? "notify" : "dont_notify"]]),
                (.sender, users[random.below(3)], ["actions": random.oneIn(2) ? [] : ["notify"]]),
                (
                    .override, "o\(random.below(2))",
                    [
                        "actions": ["notify"],
                        "conditions": [
                            [["kind": "contains_display_name"], ["kind": "room_member_count", "is": ">2"]][
                                random.below(2)],
                            ["kind": "event_match", "key": "type", "pattern": "m.*"],
                        ],
                    ]
                ),
            ]
            let change: PushRuleChange
            switch random.below(4) {
            case 0:
                let ids = [".m.rule.message", ".m.rule.encrypted", ".m.rule.call"]
                change = PushRuleChange(.underride, ids[random.below(3)], .setEnabled(random.oneIn(2)))
            case 1:
                let kind = PushRuleKind.allCases[random.below(5)]
                guard let own = random.pick(model.ruleset(user).rules(kind).filter({ !$0.isDefault })) else { return }
                change = PushRuleChange(kind, own.ruleID, .remove)
            default:
                let (kind, id, body) = bodies[random.below(bodies.count)]
                change = try model.ruleset(user).put(kind, id, body: body, before: nil, after: nil)
            }
            try world.record(
                PushRuleChanged(userID: user, change: change.json), stream: StreamID(kind: .user, name: user))
            model.change(user, change)
        }

        func counts(
            _ counter: UnreadCounter, _ user: String, in room: String, byThread: Bool = true
        ) throws -> UnreadCounts? {
            try world.views.snapshot { snapshot in
                guard let number = try snapshot.user(snapshot.tables, user),
                    let place = try snapshot.room(snapshot.tables, room),
                    let row = try snapshot.membership(of: number, in: place), row.membership == .join
                else { return nil }
                return try counter.counts(
                    snapshot, room: place, user: number, row: row, upTo: snapshot.newest, byThread: byThread,
                    ignoring: [])
            }
        }
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func countsNeverDrift(seed: UInt64) throws {
        var life = try Life(seed: seed)
        let remembering = UnreadCounter()
        var largest = 0
        for step in 0..<180 {
            try life.act()
            for room in life.rooms {
                for user in life.users where life.random.oneIn(2) {
                    let kept = try life.counts(remembering, user, in: room)
                    let fresh = try life.counts(UnreadCounter(), user, in: room)
                    #expect(kept == fresh, "seed \(seed) step \(step) \(user)")
                    guard let fresh else { continue }
                    let expected = life.model.counts(user, in: room)
                    #expect(fresh == expected, "seed \(seed) step \(step) \(user) \(room)")
                    let together = try life.counts(remembering, user, in: room, byThread: false)
                    #expect(together == expected.together)
                    largest = max(largest, expected.together.main.notifications)
                    if kept != fresh || fresh != expected { return }
                }
            }
        }
        // The lives must not be so dull that nothing is counted.
        #expect(largest > 1)
    }
}
