import CanonicalJSON
import Testing

@Suite struct JSONParsingTests {
    @Test func `white space of all four kinds is skipped`() throws {
        #expect(try canonicalByTree(" \t\r\n[ 1 ,\t2\r,\n{ \"a\" : null } ] \n") == #"[1,2,{"a":null}]"#)
        #expect(refusal(of: "[1,\u{0B}2]") == .unexpectedByte(0x0B, offset: 3))
        #expect(refusal(of: "\u{FEFF}{}") == .unexpectedByte(0xEF, offset: 0))
    }

    @Test(arguments: [
        ("", 0), (" ", 1), ("[", 1), ("{", 1), ("[1", 2), ("[1,", 3), (#"{"a""#, 4), (#"{"a":"#, 5), (#"{"a":1"#, 6),
        (#"{"a":1,"#, 7), (#"""#, 1), (#""a"#, 2), (#""a\"#, 3), ("tru", 3), ("-", 1), ("1.", 2), ("1e", 2), ("1e+", 3),
    ])
    func `a text cut short says so`(text: String, offset: Int) {
        #expect(refusal(of: text) == .unexpectedEnd(offset: offset))
    }

    @Test(arguments: [
        ("[1,]", 3), (#"{"a":1,}"#, 7), ("[,1]", 1), (#"{,"a":1}"#, 1), (#"{"a" 1}"#, 5), (#"{a:1}"#, 1), ("{1:1}", 1),
        (#"{"a":1]"#, 6), ("[1}", 2), ("[1 2]", 3), ("]", 0), ("nul!", 3), ("True", 0), ("NaN", 0), ("Infinity", 0),
        ("-Infinity", 1), ("+1", 0), (".5", 0), ("'a'", 0), ("// c", 0), ("[1/**/]", 2), ("-a", 1), ("1.e5", 2),
    ])
    func `a wrong byte is named by its offset`(text: String, offset: Int) {
        #expect(refusal(of: text)?.offset == offset)
        guard case .unexpectedByte = refusal(of: text) else {
            Issue.record("\(text) gave \(String(describing: refusal(of: text)))")
            return
        }
    }

    @Test func `something behind the value is refused`() {
        #expect(refusal(of: "{}{}") == .trailingBytes(offset: 2))
        #expect(refusal(of: "1 2") == .trailingBytes(offset: 2))
        #expect(refusal(of: [0x31, 0]) == .trailingBytes(offset: 1))
        #expect(refusal(of: [0]) == .unexpectedByte(0, offset: 0))
        #expect(refusal(of: [0x22, 0, 0x22]) == .controlCharacter(offset: 1))
    }

    @Test(arguments: [#"{"a":1,"a":2}"#, #"{"a":1,"b":3,"a":2}"#, #"{"a":1,"\u0061":2}"#, #"{"\u0061":1,"a":2}"#])
    func `of duplicate keys the last wins in every reading`(text: String) throws {
        let value = try JSONValue.parse(Array(text.utf8))
        let view = try JSONDocument(parsing: Array(text.utf8), limits: .clientBody).root
        #expect(value["a"] == 2)
        #expect(view["a"]?.integer == 2)
        #expect(view.members?.filter { $0.key == "a" }.map(\.value.integer) == [2])
        #expect(value.canonicalBytes() == view.canonicalBytes())
        #expect(value == view.toValue())
    }

    @Test func `many duplicates of many keys leave the last of each`() throws {
        var text = "{"
        for round in 0..<50 {
            for name in 0..<40 { text += (text.count > 1 ? "," : "") + #""key\#((name * 7) % 40)":\#(round)"# }
        }
        text += "}"
        let view = try JSONDocument(parsing: Array(text.utf8), limits: .clientBody).root
        let members = try #require(view.members).map { ($0.key, $0.value.integer) }
        #expect(members.count == 40)
        #expect(members.allSatisfy { $0.1 == 49 })
        #expect(view.canonicalBytes() == view.toValue().canonicalBytes())
    }

    @Test func `depth is bounded before it can hurt`() {
        for (open, close) in [("[", "]"), (#"{"a":"#, "}")] {
            let allowed = String(repeating: open, count: 100) + "1" + String(repeating: close, count: 100)
            let refused = String(repeating: open, count: 101) + "1" + String(repeating: close, count: 101)
            #expect(refusal(of: allowed) == nil)
            #expect(refusal(of: refused) == .tooDeep(offset: open.utf8.count * 100))
            #expect(refusal(of: String(repeating: open, count: 1_000_000)) == .tooDeep(offset: open.utf8.count * 100))
        }
        var limits = JSONLimits.clientBody
        limits.maxDepth = 1_000_000
        let deepest = String(repeating: "[", count: JSONLimits.deepest)
        #expect(refusal(of: deepest + "[", limits: limits) == .tooDeep(offset: JSONLimits.deepest))
        #expect(refusal(of: deepest + String(repeating: "]", count: JSONLimits.deepest), limits: limits) == nil)
    }

    @Test func `siblings do not count as depth`() {
        #expect(refusal(of: "[" + String(repeating: "[],", count: 1000) + "[]]") == nil)
    }

    @Test func `size and number of values are bounded`() {
        let limits = JSONLimits(maxDepth: 2, maxBytes: 9, maxValues: 3, numbers: .canonical)
        #expect(refusal(of: "[1,2]    ", limits: limits) == nil)
        #expect(refusal(of: "[1,2]     ", limits: limits) == .tooLarge(byteCount: 10, limit: 9))
        #expect(refusal(of: "[1,2,3]", limits: limits) == .tooManyValues(offset: 5))
        #expect(refusal(of: #"{"a":[]}"#, limits: limits) == nil)
        #expect(refusal(of: #"{"a":[1]}"#, limits: limits) == .tooManyValues(offset: 6))
        #expect(refusal(of: "[[[]]]", limits: limits) == .tooDeep(offset: 2))
    }

    @Test func `every error has a sentence`() {
        for text in ["", "[1,]", "[1", "1 2", "01", "1e999", #""\x""#, #""\ud800""#, "\"\u{1}\""] {
            #expect(refusal(of: text)?.message.hasSuffix(".") == true)
        }
    }
}
