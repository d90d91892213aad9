import CanonicalJSON
import TestSupport
import Testing

/// Keys sort by code point, which is not what UTF-16, locales or Unicode equivalence would do.
@Suite struct KeyOrderTests {
    /// In canonical order.
    static let adversarial = [
        "", "\u{0}", "\u{0}\u{0}", "\n", " ", "A", "B", "_", "a", "a\u{0}", "a10", "a9", "aaaaaaaa", "aaaaaaaa\u{0}",
        "aaaaaaaaa", "aaaaaaaab", "aaaaaaab", "b", "e\u{301}", "\u{7F}", "\u{80}", "\u{E9}", "日", "本", "\u{E000}",
        "\u{FFFF}", "\u{10000}", "😀", "\u{10FFFF}",
    ]

    @Test func `the table is in order of its bytes`() {
        for (one, other) in zip(Self.adversarial, Self.adversarial.dropFirst()) {
            #expect(one.utf8.lexicographicallyPrecedes(other.utf8))
        }
    }

    @Test(arguments: 0..<20 as Range<UInt64>) func `every reading sorts adversarial keys`(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let shuffled = Self.adversarial.shuffled(using: &random)
        let pairs = shuffled.map { ($0, JSONValue.string($0)) }
        let expected = "{" + Self.adversarial.map { spelled($0) + ":" + spelled($0) }.joined(separator: ",") + "}"
        #expect(JSONObject(pairs).keys.map { Array($0.utf8) } == Self.adversarial.map { Array($0.utf8) })

        var grown = JSONObject()
        for (key, value) in pairs { grown[key] = value }
        #expect(grown == JSONObject(pairs))

        var raw = JSONWriter()
        raw.object { writer in
            for (key, value) in pairs { writer.field(key, value) }
        }
        let escaped = "{" + shuffled.map { fullyEscaped($0) + ":" + fullyEscaped($0) }.joined(separator: ",") + "}"
        for text in [raw.bytes, Array(escaped.utf8)] {
            let tree = try JSONValue.parse(text)
            let view = try JSONDocument(parsing: text, limits: .clientBody).root
            #expect(tree.description == expected)
            #expect(String(decoding: view.canonicalBytes(), as: UTF8.self) == expected)
            #expect(view.members?.map { Array($0.key.utf8) } == Self.adversarial.map { Array($0.utf8) })
            for key in Self.adversarial {
                #expect(tree[key] == .string(key))
                #expect(view[key]?.isString(key) == true)
            }
        }
    }

    @Test func `composed and decomposed keys are two keys`() throws {
        let object: JSONObject = ["e\u{301}": 1, "\u{E9}": 2]
        #expect(object.count == 2)
        #expect(object["e\u{301}"] == 1)
        #expect(object["\u{E9}"] == 2)
        #expect(JSONValue.string("e\u{301}") != JSONValue.string("\u{E9}"))
        #expect(Set([JSONValue.string("e\u{301}"), .string("\u{E9}")]).count == 2)
        let text = Array("{\"e\u{301}\":1,\"\u{E9}\":2}".utf8)
        #expect(try JSONValue.parse(text).canonicalBytes() == text)
        #expect(try JSONDocument(parsing: text, limits: .pdu).root["\u{E9}"]?.integer == 2)
    }

    @Test func `the order a JSON library got wrong is right`() throws {
        #expect(try canonicalByTree(#"{"a10":1,"B":1,"a9":1,"_":1,"a":1}"#) == #"{"B":1,"_":1,"a":1,"a10":1,"a9":1}"#)
    }

    private func spelled(_ string: String) -> String { JSONValue.string(string).description }

    private func fullyEscaped(_ string: String) -> String {
        let units = string.utf16.map { unit in
            let digits = String(unit, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
        return "\"" + units.joined() + "\""
    }
}
