import CanonicalJSON
import EventLog
import Foundation
import LogEvents
import SearchText
import Synchronization
import TestSupport
import Testing

@testable import SearchIndex

@Suite struct SearchIndexTests {
    @Test func whatIsIndexed() throws {
        let script = SearchScript()
        let message = script.message("Grüße aus Zürich, it's 東京都 today").rawValue
        let name = script.event("m.room.name", ["name": "Zürich office"], stateKey: "").rawValue
        let topic = script.event(
            "m.room.topic",
            [
                "topic": "plans",
                "m.topic": ["m.text": [["mimetype": "text/html", "body": "<b>html</b>"], ["body": "plainly"]]],
            ], stateKey: ""
        ).rawValue
        let other = script.message("zurich", in: "!other:s").rawValue
        script.event("m.room.message", ["body": "zurich rejected"], verdict: .rejected)
        script.event("m.room.message", ["body": "zurich soft"], verdict: .softFailed)
        script.event("m.room.message", ["body": "zurich outlier"], isOutlier: true)
        script.event("m.room.message", ["body": "zurich state"], stateKey: "")
        script.event("m.room.name", ["name": "zurich no state"])
        script.event("m.sticker", ["body": "zurich sticker"])
        script.event("m.room.message", ["body": ["zurich"]])
        script.message("nothing \u{0} behind zero")
        let fixture = try IndexFixture(script)
        #expect(try fixture.find("ZURICH") == [other, name, message])
        #expect(try fixture.find("zürich", rooms: ["!other:s"]) == [other])
        #expect(try fixture.find("zürich", rooms: ["!other:s", "!r:s"]) == [other, name, message])
        #expect(try fixture.find("zurich", keys: [.name]) == [name])
        #expect(try fixture.find("zurich", keys: [.body, .topic]) == [other, message])
        #expect(try fixture.find("plainly plans") == [topic] && fixture.find("html") == [])
        #expect(try fixture.find("京都") == [message] && fixture.find("東京") == [message] && fixture.find("京東") == [])
        #expect(try fixture.find("\"aus zürich\"") == [message] && fixture.find("\"zürich aus\"") == [])
        #expect(try fixture.find("it's") == [message] && fixture.find("today grusse") == [], "ß is no ss to SQLite")
        #expect(try fixture.find("behind").count == 1, "a zero ends no text")
        #expect(try fixture.find("body") == [] && fixture.find("name") == [], "places are not words")
    }

    @Test func editsRedactionsErasures() throws {
        let script = SearchScript()
        let first = script.message("alpha")
        script.edit(first, "beta", sentAt: 5)
        script.edit(first, "gamma", sentAt: 4)
        script.edit(first, "mallory", by: "@m:s", sentAt: 9)
        script.edit(first, "elsewhere", in: "!x:s", sentAt: 9)
        var fixture = try IndexFixture(script)
        #expect(try fixture.find("beta") == [first.rawValue])
        for word in ["alpha", "gamma", "mallory", "elsewhere"] { #expect(try fixture.find(word) == [], "\(word)") }
        script.redact(LogPosition(rawValue: 2))
        fixture = try IndexFixture(script)
        #expect(try fixture.find("gamma") == [first.rawValue] && fixture.find("beta") == [])
        script.redact(LogPosition(rawValue: 3))
        fixture = try IndexFixture(script)
        #expect(try fixture.find("alpha") == [first.rawValue] && fixture.find("gamma") == [])
        script.redact(first, in: "!x:s")
        fixture = try IndexFixture(script)
        #expect(try fixture.find("alpha") == [first.rawValue], "another room's redaction reaches nothing here")
        script.redact(first)
        fixture = try IndexFixture(script)
        #expect(try fixture.find("alpha") == [] && fixture.index.count() == 0)
    }

    @Test func rankAndOrder() throws {
        let script = SearchScript()
        let poor = script.message("tea and many other words that have nothing to do with it at all")
        let good = script.message("tea tea")
        for _ in 0..<20 { script.message("coffee") }
        let fixture = try IndexFixture(script)
        let expression = try #require(SearchExpression("tea"))
        let hits = try fixture.index.matches(expression, upTo: script.head, limit: 10)
        #expect(hits.map(\.position) == [good, poor], "newest first")
        #expect(hits[0].rank > hits[1].rank && hits[1].rank > 0)
        let inRoom = try #require(SearchExpression("tea", rooms: ["!r:s"]))
        let same = try fixture.index.matches(inRoom, upTo: script.head, limit: 10)
        #expect(abs(same[0].rank - hits[0].rank) < 1e-9, "the room adds nothing")
        #expect(try fixture.index.matches(expression, upTo: poor, limit: 10).map(\.position) == [poor])
        #expect(try fixture.index.matches(expression, upTo: script.head, limit: 1).count == 1)
    }

    /// Nothing that is typed is an operator of the index's language, or an error.
    @Test func typedTextIsOnlyText() throws {
        let script = SearchScript()
        let message = script.message("text OR words NOT near NEAR place a b").rawValue
        let fixture = try IndexFixture(script)
        for term in [
            "\"", "\"\"", "\"\"\"", "*", "a*", "^text", "text:", "text : a", "{text} : a", "NEAR(a b)", "(", ")",
            "a AND", "NOT",
            "- text", "-text", "a\u{0}b", "';--", "\\", "+", "\"a", "a\"", "place : body", "\u{2028}", "💥", "\u{E000}",
            "\u{1E900}",
            String(repeating: "a ", count: 5000), String(repeating: "é", count: 5000),
            String(repeating: "\"", count: 999),
        ] { #expect(throws: Never.self, "\(term.prefix(20))") { try fixture.find(term) } }
        #expect(try fixture.find("NOT") == [message] && fixture.find("OR text") == [message])
        #expect(try fixture.find("a NOT b OR") == [message])
        var random = SeededRandom(seed: 11)
        let alphabet = Array("ab \"*^:(){}+-'\\\u{0}é東NEARORANDNOT")
        for _ in 0..<3000 {
            let term = String((0..<random.below(24)).map { _ in alphabet[random.below(alphabet.count)] })
            #expect(throws: Never.self, "\(term)") { try fixture.find(term, rooms: ["!r:s"]) }
        }
    }

    /// Random logs against a look at every message; live, in one go, and from a log out of which it was erased.
    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func theSameAsALookAtEverything(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let script = SearchScript()
        let words = ["tea", "Käse", "Øl", "straße", "東京", "42", "x"]
        let rooms = ["!1:s", "!2:s"]
        struct Message {
            let position: LogPosition
            let room: String
            var texts: [(text: String, at: Int64, position: LogPosition)]
            var latest: String { texts.max { ($0.at, $0.position) < ($1.at, $1.position) }?.text ?? "" }
        }
        var messages: [Message] = []
        var redacted: Set<LogPosition> = []
        for step in 0..<400 {
            let text = (0...random.below(4)).map { _ in words[random.below(words.count)] }.joined(separator: " ")
            let room = rooms[random.below(2)]
            let chosen = random.below(max(messages.count, 1))
            switch random.below(8) {
            case 0 where !messages.isEmpty:
                let old = messages.remove(at: chosen)
                script.redact(old.position, in: old.room)
                redacted.insert(old.position)
            case 1 where !messages.isEmpty && messages[chosen].texts.count > 1:
                let edit = messages[chosen].texts.removeLast()
                script.redact(edit.position, in: messages[chosen].room)
                redacted.insert(edit.position)
            case 2,
                3 where !messages.isEmpty:
                guard !messages.isEmpty else { continue }
                // Distinct times: of equal ones the event ID decides, which has its own test.
                let time = Int64(1000 + random.below(1000) * 1000 + step)
                let position = script.edit(messages[chosen].position, text, in: messages[chosen].room, sentAt: time)
                messages[chosen].texts.append((text, time, position))
            default:
                let position = script.message(text, in: room)
                messages.append(Message(position: position, room: room, texts: [(text, 0, position)]))
            }
        }
        let whole = try IndexFixture(script)
        let pieces = try IndexFixture(script, inBatchesOf: 7)
        let erased = try IndexFixture(script.erased(redacted))
        let digest = try whole.index.digest().digest
        #expect(try pieces.index.digest().digest == digest)
        #expect(try erased.index.digest().digest == digest)
        for term in ["tea", "kase øl", "x 42", "straße", "京", "\"tea x\"", "nothing"] {
            let wanted = SearchWords.words(in: term)
            for limits in [nil, ["!1:s"], ["!2:s"]] as [[String]?] {
                let expected = messages.filter { message in
                    let own = SearchWords.words(in: message.latest)
                    let isThere =
                        term == "京"
                        ? message.latest.contains("京")
                        : term.hasPrefix("\"")
                            ? own.indices.contains { own[$0...].starts(with: wanted) }
                            : wanted.allSatisfy { own.contains($0) }
                    return isThere && limits?.contains(message.room) != false
                }
                #expect(
                    try whole.find(term, rooms: limits).sorted() == expected.map(\.position.rawValue).sorted(),
                    "\(term)")
            }
        }
    }
}
