import CanonicalJSON
import Testing

@Suite struct JSONStringTests {
    @Test func `the canonical writer uses the shortest escapes`() {
        let all = JSONValue.string(String(String.UnicodeScalarView((0..<0x20).compactMap(Unicode.Scalar.init))))
        let expected =
            #""\u0000\u0001\u0002\u0003\u0004\u0005\u0006\u0007\b\t\n\u000b\f\r\u000e\u000f"#
            + #"\u0010\u0011\u0012\u0013\u0014\u0015\u0016\u0017\u0018\u0019\u001a\u001b\u001c\u001d\u001e\u001f""#
        #expect(all.description == expected)
        #expect(JSONValue.string("\" \\ / \u{7F} \u{2028} é 😀").description == "\"\\\" \\\\ / \u{7F} \u{2028} é 😀\"")
    }

    @Test(arguments: [
        (#""\u0041\u00e9\u65E5\uD83D\ude00""#, "\"Aé日😀\""), (#""\/""#, #""/""#), (#""\u000A""#, #""\n""#),
        (#""\u001F""#, #""\u001f""#), (#""\u001f""#, #""\u001f""#), (#""\u0022\u005C""#, #""\"\\""#),
        (#""\b\t\n\f\r\"\\""#, #""\b\t\n\f\r\"\\""#), (#""\u0000""#, #""\u0000""#), (#""\u007f""#, "\"\u{7F}\""),
        (#""\u00ff\u0100\u07ff\u0800\uffff\udbff\udfff""#, "\"\u{FF}\u{100}\u{7FF}\u{800}\u{FFFF}\u{10FFFF}\""),
    ])
    func `escapes are resolved and written anew`(text: String, canonical: String) throws {
        #expect(try canonicalByTree(text) == canonical)
        #expect(try canonicalByTape(text) == canonical)
        let view = try JSONDocument(parsing: Array(text.utf8), limits: .clientBody).root
        let value = try #require(JSONValue.parse(Array(text.utf8)).stringValue)
        #expect(view.utf8 == Array(value.utf8))
        #expect(view.withUTF8 { Array($0) } == Array(value.utf8))
        #expect(view.isString(value))
        #expect(!view.isString(value + "x"))
    }

    @Test(arguments: [
        #""\ud800""#, #""\udc00""#, #""\ud800\ud800""#, #""\ud800x""#, #""\ud800\n""#, #""\udfff\ud800""#,
        #""\uDBFF\u0041""#, #""\ud83d\ude0""#, #""\ud83d\"#, #""\ud83d"#,
    ])
    func `half a surrogate pair is refused`(text: String) {
        #expect(refusal(of: text) == .loneSurrogate(offset: 1))
    }

    @Test(arguments: [#""\x41""#, #""\u""#, #""\u12""#, #""\u12g4""#, #""\u+123""#, #""\U0041""#, #""\ ""#, #""\0""#])
    func `unknown escapes are refused`(text: String) {
        #expect(refusal(of: text) == .invalidEscape(offset: 1))
    }

    @Test func `raw control characters are refused at every place in a word`() {
        for control in UInt8(0)..<0x20 {
            for lead in 0..<10 {
                let text = [0x22] + [UInt8](repeating: 0x61, count: lead) + [control] + Array("bcdefghijk\"".utf8)
                #expect(refusal(of: text) == .controlCharacter(offset: lead + 1))
            }
        }
        #expect(refusal(of: "\"\u{7F}\"") == nil)
    }

    @Test(
        arguments: [
            [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x41], [0xE0, 0x9F, 0xBF], [0xE0, 0xA0],
            [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xEF, 0xBF], [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x90, 0x80],
            [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF],
        ] as [[UInt8]])
    func `invalid UTF-8 is refused at every place`(sequence: [UInt8]) {
        for lead in 0..<10 {
            let start = [0x22] + [UInt8](repeating: 0x61, count: lead) + sequence
            #expect(refusal(of: start + Array("bcdefghij\"".utf8)) == .invalidUTF8(offset: lead + 1))
            #expect(refusal(of: start) != nil)
            #expect(refusal(of: start + [0x22]) == .invalidUTF8(offset: lead + 1))
        }
    }

    @Test func `every scalar survives, raw and escaped`() throws {
        var scalar: UInt32 = 0x20
        while scalar < 0x110000 {
            if let character = Unicode.Scalar(scalar), character != "\"", character != "\\" {
                let raw = "\"\(character)\""
                let escaped = "\"" + String(character).utf16.map(Self.escape).joined() + "\""
                #expect(try canonicalByTape(raw, limits: .pdu) == raw)
                #expect(try canonicalByTape(escaped, limits: .pdu) == raw)
            }
            scalar += scalar < 0x900 ? 1 : 1021
        }
    }

    private static func escape(_ unit: UInt16) -> String {
        let digits = String(unit, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
}
