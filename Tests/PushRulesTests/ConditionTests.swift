import CanonicalJSON
import PushRules
import TestSupport
import Testing

@Suite struct ConditionTests {
    private func topic(_ value: JSONValue) -> PushEvent { event("m.room.topic", ["topic": value], stateKey: "") }

    @Test func eventMatchIsOfTheWholeValue() throws {
        let condition: JSONValue = ["kind": "event_match", "key": "content.topic", "pattern": "lunc?*"]
        #expect(try matches(condition, topic("Lunch plans")))
        #expect(try matches(condition, topic("LUNCH")))
        #expect(try !matches(condition, topic(" lunch")))
        #expect(try !matches(condition, topic("lunc")))
        #expect(try !matches(condition, topic(.null)))
        #expect(try !matches(condition, topic(5)))
        let all: JSONValue = ["kind": "event_match", "key": "content.topic", "pattern": "*"]
        #expect(try matches(all, topic("")))
        #expect(try !matches(all, topic(["a"])))
        #expect(try !matches(all, event("m.room.topic", [:])))
        #expect(try matches(["kind": "event_match", "key": "room_id", "pattern": "!ROOM:*"], message("x")))
        #expect(
            try matches(["kind": "event_match", "key": "content.topic", "pattern": "ÄRGER?"], topic("ärger\u{1F600}")))
        #expect(try !matches(["kind": "event_match", "key": "content", "pattern": "*"], topic("x")))
    }

    @Test func eventMatchOfTheBodyIsOfWords() throws {
        func body(_ pattern: String, _ text: String) throws -> Bool {
            try matches(["kind": "event_match", "key": "content.body", "pattern": .string(pattern)], message(text))
        }
        #expect(try body("ex*ple", "An example event."))
        #expect(try body("ex*ple", "exple"))
        #expect(try body("ex*ple", "An exciting triple-whammy"))
        #expect(try !body("ex*ple", "an exciting tripled whammy"))
        #expect(try !body("ample", "An example event."))
        #expect(try body("CAKE", "cake"))
        #expect(try body("cake", "no cakes, (cake)"))
        #expect(try !body("cake", "no cakes, cake_"))
        #expect(try body("a?e", "ä ace"))
        #expect(try !body("cake", "ice9cake"))
        #expect(try body("тест", "это тест!"))
        #expect(try body("*", ""))
        #expect(try body("", "x y"))
        #expect(try body("b* c", "a b c"))
        #expect(try body("*lie", "the cake is a lie"))
        #expect(try !body("*lie", "the cake is a lies"))
    }

    @Test func paths() throws {
        let content: JSONObject = [
            "m.federate": true, "a\\b": "back", "deep": ["m.x": ["y": "z"]], "": "empty", "n": 3,
        ]
        func holds(_ key: String, _ value: JSONValue) throws -> Bool {
            try matches(["kind": "event_property_is", "key": .string(key), "value": value], event("t", content))
        }
        #expect(try holds("content.m\\.federate", true))
        #expect(try !holds("content.m.federate", true))
        #expect(try !holds("content.m\\.federate", "true"))
        #expect(try !holds("content.m\\.federate", 1))
        #expect(try holds("content.a\\\\b", "back"))
        #expect(try holds("content.a\\b", "back"))
        #expect(try holds("content.deep.m\\.x.y", "z"))
        #expect(try holds("content.", "empty"))
        #expect(try holds("content.n", 3))
        #expect(try !holds("content.deep", .null))
        #expect(try !holds("content.none", .null))
        #expect(try holds("type", "t"))
        #expect(try !holds("type", "T"))
    }

    @Test func propertyContains() throws {
        let content: JSONObject = ["list": ["a", 1, .null, ["x"]], "text": "a"]
        func holds(_ key: String, _ value: JSONValue) throws -> Bool {
            try matches(["kind": "event_property_contains", "key": .string(key), "value": value], event("t", content))
        }
        #expect(try holds("content.list", "a"))
        #expect(try holds("content.list", 1))
        #expect(try holds("content.list", .null))
        #expect(try !holds("content.list", true))
        #expect(try !holds("content.list", ["x"]))
        #expect(try !holds("content.text", "a"))
        #expect(try !holds("content.none", .null))
    }

    @Test func theRoom() throws {
        func count(_ text: String, _ members: UInt64) throws -> Bool {
            try matches(["kind": "room_member_count", "is": .string(text)], message("x"), Room(members: members))
        }
        #expect(try count("2", 2) && count("==2", 2) && count(">=2", 2) && count("<=2", 2))
        #expect(try count("<3", 2) && count(">1", 2))
        #expect(try !count("2", 3) && !count("<2", 2) && !count(">2", 2))
        for bad in ["", "x", "2x", "=2", "<", "-1", " 2", "99999999999999999999"] { #expect(try !count(bad, 2)) }
        let permission: JSONValue = ["kind": "sender_notification_permission", "key": "room"]
        #expect(try matches(permission, message("x"), Room(mayNotify: true)))
        #expect(try !matches(permission, message("x")))
        let name: JSONValue = ["kind": "contains_display_name"]
        #expect(try matches(name, message("hello, ME-too!"), Room(names: [owner: "me"])))
        #expect(try matches(name, message("what does *a? think"), Room(names: [owner: "*a?"])))
        #expect(try !matches(name, message("some"), Room(names: [owner: "me"])))
        #expect(try !matches(name, message("me"), Room(names: [owner: ""])))
        #expect(try !matches(name, message("me")))
    }

    @Test func whatIsUnknownNeverMatches() throws {
        for condition in [
            ["kind": "org.example.moon"], ["kind": "event_match"], ["kind": "event_match", "key": "type"],
            ["kind": "event_match", "key": 5, "pattern": "*"], ["kind": "event_property_is", "key": "type"],
            ["kind": "event_property_is", "key": "content", "value": [:]],
            ["kind": "room_member_count", "is": 2], ["kind": "sender_notification_permission"],
        ] as [JSONValue] {
            #expect(try !matches(condition, message("x"), Room(members: 2, mayNotify: true)), "\(condition)")
        }
    }

    /// Every way to fill the stars, one after the other.
    private static func naive(_ pattern: ArraySlice<Character>, _ text: ArraySlice<Character>) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        if first == "*" {
            return (0...text.count).contains { naive(pattern.dropFirst(), text.dropFirst($0)) }
        }
        guard let head = text.first, first == "?" || first == head else { return false }
        return naive(pattern.dropFirst(), text.dropFirst())
    }

    private static func naiveWords(_ pattern: [Character], _ text: [Character]) -> Bool {
        func isWord(_ index: Int) -> Bool { text[index].isLetter }
        func isBoundary(_ at: Int) -> Bool { at == 0 || at == text.count || !isWord(at - 1) || !isWord(at) }
        for start in 0...text.count where isBoundary(start) {
            for end in start...text.count where isBoundary(end) && naive(pattern[...], text[start..<end]) {
                return true
            }
        }
        return false
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func globsEqualTheNaiveSearch(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for _ in 0..<400 {
            let pattern = (0..<random.below(6)).map { _ in Array("ab *?")[random.below(5)] }
            let text = (0..<random.below(9)).map { _ in Array("ab ")[random.below(3)] }
            let whole = try matches(
                ["kind": "event_match", "key": "content.topic", "pattern": .string(String(pattern))],
                topic(.string(String(text))))
            #expect(whole == Self.naive(pattern[...], text[...]), "\(String(pattern)) in \(String(text))")
            let words = try matches(
                ["kind": "event_match", "key": "content.body", "pattern": .string(String(pattern))],
                message(String(text)))
            #expect(words == Self.naiveWords(pattern, text), "\(String(pattern)) in words of \(String(text))")
        }
    }
}
