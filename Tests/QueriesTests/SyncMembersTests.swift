import CanonicalJSON
import Queries
import Testing

@Suite("Lazily loaded members and filters")
struct SyncMembersTests {
    static let lazy: JSONValue = ["room": ["state": ["lazy_load_members": true], "timeline": ["limit": 2]]]

    @Test("only the senders' members come, once, and again when asked")
    func lazyMembers() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        for number in 0..<5 { try world.member("@u\(number):example.org", "join", in: room) }
        try world.send("m.room.name", in: room, by: alice, stateKey: "", ["name": "named"])
        try world.message("a", in: room, by: "@u1:example.org")
        try world.message("b", in: room, by: "@u2:example.org")
        let first = try world.sync(alice, filter: Self.lazy)
        let members = first.state(room).filter { $0["type"]?.stringValue == "m.room.member" }
        #expect(Set(members.stateKeys) == [alice, "@u1:example.org", "@u2:example.org"])
        try world.message("c", in: room, by: "@u1:example.org")
        try world.message("d", in: room, by: "@u3:example.org")
        let second = try world.sync(alice, since: first.next, filter: Self.lazy)
        #expect(second.state(room).stateKeys == ["@u3:example.org"])
        // An answer that was lost is no answer: the same question gets the member again.
        let again = try world.sync(alice, since: first.next, filter: Self.lazy)
        #expect(again.state(room).stateKeys == ["@u3:example.org"])
        var redundant = Self.lazy
        redundant = ["room": ["state": ["lazy_load_members": true, "include_redundant_members": true]]]
        let third = try world.sync(alice, since: first.next, filter: redundant)
        #expect(Set(third.state(room).stateKeys) == ["@u1:example.org", "@u3:example.org"])
    }

    @Test("member changes of a gap come in any case")
    func gapMembers() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        let first = try world.sync(alice, filter: Self.lazy)
        let join = try world.member(bob, "join", in: room)
        try world.message("a", in: room, by: alice)
        try world.message("b", in: room, by: alice)
        let second = try world.sync(alice, since: first.next, filter: Self.lazy)
        #expect(second.isLimited(room) == true)
        #expect(second.state(room).ids == [join])
    }

    @Test("heroes come with their members while the room has no name")
    func heroes() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        for number in 0..<7 { try world.member("@u\(number):example.org", "join", in: room) }
        try world.message("a", in: room, by: alice)
        try world.message("b", in: room, by: alice)
        let first = try world.sync(alice, filter: Self.lazy)
        let heroes = first.joined(room)?["summary"]?["m.heroes"]?.arrayValue?.compactMap(\.stringValue) ?? []
        #expect(heroes == (0..<5).map { "@u\($0):example.org" })
        let members = first.state(room).filter { $0["type"]?.stringValue == "m.room.member" }.stateKeys
        #expect(Set(members) == Set(heroes + [alice]))
        try world.send("m.room.name", in: room, by: alice, stateKey: "", ["name": "named"])
        let second = try world.sync(alice, since: first.next)
        #expect(second.joined(room)?["summary"]?["m.heroes"] == nil)
        #expect(second.joined(room)?["summary"]?["m.joined_member_count"]?.integerValue == 8)
    }

    @Test("full_state brings all state but not the old timeline")
    func fullState() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        try world.createRoom("!quiet:example.org", by: alice)
        let first = try world.sync(alice)
        try world.message("new", in: room, by: alice)
        let full = try world.sync(alice, since: first.next, fullState: true)
        #expect(full.timeline(room).bodies == ["new"])
        #expect(full.state(room).count == 4)
        #expect(full.state("!quiet:example.org").count == 4)
        #expect(full.timeline("!quiet:example.org").isEmpty)
    }

    @Test("filters choose types, senders, rooms and fields")
    func filters() throws {
        let world = try World()
        try world.createRoom(room, by: alice)
        try world.createRoom("!other:example.org", by: alice)
        try world.member(bob, "join", in: room)
        try world.message("a", in: room, by: alice)
        try world.message("b", in: room, by: bob)
        try world.send("m.image.custom", in: room, by: bob, ["url": "mxc://a/b", "body": "pic"])
        func timeline(_ filter: JSONValue) throws -> [JSONValue] {
            try world.sync(alice, filter: ["room": ["timeline": filter]]).timeline(room)
        }
        #expect(
            try timeline(["types": ["m.room.m*"]]).types == [
                "m.room.member", "m.room.member", "m.room.message", "m.room.message",
            ])
        #expect(try timeline(["types": ["*.custom"]]).bodies == ["pic"])
        #expect(try timeline(["types": ["m.room.message"], "not_senders": [.string(alice)]]).bodies == ["b"])
        #expect(try timeline(["senders": [.string(bob)], "not_types": ["m.room.member"]]).bodies == ["b", "pic"])
        #expect(try timeline(["contains_url": true]).bodies == ["pic"])
        #expect(try timeline(["contains_url": false, "types": ["m.image.*"]]).isEmpty)
        #expect(try timeline(["types": []]).isEmpty)
        #expect(try timeline(["limit": 1]).bodies == ["pic"])
        let rooms = try world.sync(alice, filter: ["room": ["not_rooms": [.string(room)]]])
        #expect(rooms.joined(room) == nil)
        #expect(rooms.joined("!other:example.org") != nil)
        let only = try world.sync(alice, filter: ["room": ["rooms": [.string(room)]]])
        #expect(only.joined("!other:example.org") == nil)
        let fields = try world.sync(alice, filter: ["event_fields": ["content.body", "type"]])
        let last = fields.timeline(room).last?.objectValue
        #expect(last?.keys == ["content", "type"])
        #expect(last?["content"]?.objectValue?.keys == ["body"])
        let none = try world.sync(alice, filter: ["account_data": ["types": []], "room": ["state": ["types": []]]])
        #expect(none.json["account_data"]?["events"]?.arrayValue?.isEmpty == true)
    }

    @Test("a filter that is none is refused with a sentence")
    func badFilters() throws {
        let bad: [JSONValue] = [
            [], "x", ["room": []], ["room": ["timeline": ["limit": -1]]], ["room": ["timeline": ["limit": "5"]]],
            ["room": ["rooms": ["x"]]], ["room": ["state": ["senders": ["alice"]]]], ["event_format": "xml"],
            ["event_fields": "content"], ["room": ["include_leave": 1]], ["presence": ["types": [1]]],
            ["room": ["timeline": ["lazy_load_members": "yes"]]],
        ]
        for json in bad {
            #expect(throws: QueryRefusal.self, "\(json)") { try SyncFilter(json: json) }
        }
        _ = try SyncFilter(json: ["unknown": 1, "room": ["unknown": []]])
    }
}
