import CanonicalJSON
import TestSupport
import Testing

/// Damages valid texts at random: no damage may trap, and all readings must judge alike.
@Suite struct JSONFuzzTests {
    static let corpus: [[UInt8]] = [
        #"{"auth_events":["$a"],"content":{"body":"hi \n \u00e9 \ud83d\ude00","n":-12},"depth":7,"type":"m.room.message"}"#,
        #"[null,true,false,0,-1,1.5e-3,9007199254740991,"é日😀",{},[],[[[]]],{"b":1,"a":2,"b":3}]"#,
        #"{"\u0061":1,"a":2,"aaaaaaaaa":3,"aaaaaaaab":{"\"":"\\"}, "z" : [ 1 , 2 ] }"#,
        #" {"k":"\b\t\n\f\r\"\\\/\u001f\u0000","e":1E400,"big":123456789012345678901234567890} "#,
        "\"\u{E000}\u{10000}\u{10FFFF}\u{7FF}\u{800}\"",
    ].map { Array($0.utf8) }

    static let pieces: [[UInt8]] =
        [
            "\"", "\\", "\\u", "\\ud83d", "\\udc00", "{", "}", "[", "]", ":", ",", "-", "0", "1", "e", ".", "null",
            "{\"a\":",
            "\"a\":1,", "[[[[[[[[", " ", "\n", "18446744073709551616", "1e308",
        ].map { Array($0.utf8) } + [
            [0x80], [0xC0], [0xE0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90], [0xFF], [0], [0x1F],
        ]

    static let limits = [
        JSONLimits(maxDepth: 12, maxBytes: 4096, maxValues: 200, numbers: .canonical),
        JSONLimits(maxDepth: 12, maxBytes: 4096, maxValues: 200, numbers: .lenient),
        JSONLimits(maxDepth: 12, maxBytes: 4096, maxValues: 200, numbers: .historical),
    ]

    /// 16 × 8,000 damaged texts.
    @Test(arguments: 0..<16 as Range<UInt64>) func `damaged texts never trap and are judged alike`(seed: UInt64) throws
    {
        var random = SeededRandom(seed: seed)
        var accepted = 0
        for round in 0..<8000 {
            var text = Self.corpus[random.below(Self.corpus.count)]
            for _ in 0...random.below(3) { damage(&text, &random) }
            let limits = Self.limits[random.below(3)]
            let defect = difference(in: text, limits: limits, accepted: &accepted)
            #expect(defect == nil, "seed \(seed), round \(round): \(text)")
        }
        #expect(accepted > 100)
    }

    @Test func `every prefix and every single byte changed is judged alike`() {
        var accepted = 0
        for text in Self.corpus {
            for end in 0...text.count {
                #expect(difference(in: Array(text[..<end]), limits: Self.limits[1], accepted: &accepted) == nil)
            }
            for place in text.indices {
                for byte in [0x00, 0x22, 0x5C, 0x2C, 0x7D, 0x80, 0xFF, 0x30] as [UInt8] {
                    var changed = text
                    changed[place] = byte
                    #expect(difference(in: changed, limits: Self.limits[1], accepted: &accepted) == nil)
                }
            }
        }
    }

    private func damage(_ text: inout [UInt8], _ random: inout SeededRandom) {
        let place = random.below(text.count)
        switch random.below(6) {
        case 0 where !text.isEmpty: text[place] = UInt8(truncatingIfNeeded: random.next())
        case 1 where !text.isEmpty: text[place] ^= 1 << UInt8(random.below(8))
        case 2 where !text.isEmpty: text.remove(at: place)
        case 3: text.removeSubrange(place..<min(text.count, place + random.below(12)))
        case 4:
            let other = Self.corpus[random.below(Self.corpus.count)]
            let start = random.below(other.count)
            text.insert(contentsOf: other[start..<min(other.count, start + random.below(24))], at: place)
        default: text.insert(contentsOf: Self.pieces[random.below(Self.pieces.count)], at: place)
        }
    }

    /// What the readings of one text disagree about; nil when they agree.
    private func difference(in text: [UInt8], limits: JSONLimits, accepted: inout Int) -> String? {
        let tree = Result { () throws(JSONError) in try JSONValue.parse(text, limits: limits) }
        let tape = Result { () throws(JSONError) in try JSONDocument(parsing: text, limits: limits) }
        switch (tree, tape) {
        case (.failure(let one), .failure(let other)):
            return one == other && one.offset <= max(text.count, limits.maxBytes) ? nil : "errors differ"
        case (.success(let value), .success(let document)):
            accepted += 1
            let canonical = value.canonicalBytes()
            if document.root.canonicalBytes() != canonical { return "canonical forms differ" }
            if document.root.toValue() != value { return "trees differ" }
            var lenient = limits
            lenient.maxBytes = .max
            lenient.numbers = limits.numbers == .canonical ? .canonical : .historical
            guard let again = try? JSONValue.parse(canonical, limits: lenient) else {
                return "canonical form is refused"
            }
            return again.canonicalBytes() == canonical ? nil : "canonical form is not stable"
        default: return "one accepts what the other refuses"
        }
    }
}
