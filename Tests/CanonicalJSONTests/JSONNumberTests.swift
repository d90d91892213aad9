import CanonicalJSON
import Testing

@Suite struct JSONNumberTests {
    private static func limits(_ numbers: JSONLimits.Numbers) -> JSONLimits {
        JSONLimits(maxBytes: 1 << 16, maxValues: 1000, numbers: numbers)
    }

    @Test(
        arguments: [
            ("0", 0), ("7", 7), ("-1", -1), ("10", 10), ("9007199254740991", 9_007_199_254_740_991),
            ("-9007199254740991", -9_007_199_254_740_991),
        ] as [(String, Int64)])
    func `integers in range are exact everywhere`(text: String, value: Int64) throws {
        for numbers in [JSONLimits.Numbers.canonical, .lenient, .historical] {
            let limits = Self.limits(numbers)
            #expect(try JSONValue.parse(Array(text.utf8), limits: limits) == .integer(value))
            let document = try JSONDocument(parsing: Array(text.utf8), limits: limits)
            #expect(document.root.integer == value)
            #expect(document.root.canonicalBytes() == Array(text.utf8))
        }
    }

    @Test(arguments: [
        "9007199254740992", "-9007199254740992", "18446744073709551616", "123456789012345678901234567890",
    ])
    func `integers out of range are refused in canonical JSON and doubles elsewhere`(text: String) throws {
        #expect(refusal(of: text, limits: Self.limits(.canonical)) == .numberOutOfRange(offset: 0))
        let value = try JSONValue.parse(Array(text.utf8), limits: Self.limits(.lenient))
        #expect(value == .double(try #require(Double(text))))
        #expect(value.integerValue == nil)
        #expect(!value.hasOnlyCanonicalNumbers)
    }

    @Test(arguments: ["1.0", "0.5", "1e3", "1E3", "-0", "-0.0", "1e-3", "10e0", "[1,2.5]"])
    func `fractions, exponents and negative zero are not canonical`(text: String) {
        guard case .invalidNumber = refusal(of: text, limits: Self.limits(.canonical)) else {
            Issue.record("\(text) was not refused as a number")
            return
        }
        #expect(refusal(of: text, limits: Self.limits(.lenient)) == nil)
    }

    @Test(arguments: ["00", "01", "-01", "-00", "00.5", "012"])
    func `leading zeros are no numbers`(text: String) {
        #expect(refusal(of: text) == .invalidNumber(offset: 0))
    }

    @Test(arguments: ["1e309", "-1e309", "1e999999999999999999999"])
    func `what overflows a double is refused`(text: String) {
        #expect(refusal(of: text) == .numberOutOfRange(offset: 0))
    }

    @Test func `a number of a million digits is refused at once`() {
        #expect(refusal(of: String(repeating: "9", count: 1_000_000)) == .numberOutOfRange(offset: 0))
        #expect(refusal(of: "0." + String(repeating: "1", count: 1_000_000)) == .numberOutOfRange(offset: 0))
    }

    @Test(arguments: [
        ("9223372036854775807", Int64.max), ("-9223372036854775808", Int64.min),
        ("9007199254740993", 9_007_199_254_740_993),
    ])
    func `old room versions keep integers of 64 bits`(text: String, value: Int64) throws {
        let limits = Self.limits(.historical)
        #expect(try JSONValue.parse(Array(text.utf8), limits: limits) == .integer(value))
        #expect(try canonicalByTree(text, limits: limits) == text)
        #expect(try canonicalByTape(text, limits: limits) == text)
        let beyond = try JSONValue.parse(Array("9223372036854775808".utf8), limits: limits)
        #expect(beyond == .double(9_223_372_036_854_775_808))
    }

    @Test(arguments: [
        ("1.5", "1.5"), ("1.0", "1"), ("-0", "0"), ("-0.0", "0"), ("0.1", "0.1"), ("1e-7", "1e-07"),
        ("1E2", "100"), ("1e21", "1e+21"), ("5e-324", "5e-324"), ("0.30000000000000004", "0.30000000000000004"),
    ])
    func `doubles are written so that they read back`(text: String, written: String) throws {
        #expect(try canonicalByTree(text) == written)
        #expect(try canonicalByTape(text) == written)
        let again = try JSONValue.parse(Array(written.utf8)).doubleValue
        #expect(again == Double(text))
    }

    @Test func `doubles that JSON cannot write become null`() {
        #expect(JSONValue.double(.nan).description == "null")
        #expect(JSONValue.double(.infinity).description == "null")
        #expect(JSONValue.integer(.min).description == "-9223372036854775808")
    }
}
