import CanonicalJSON
import Testing

/// Texts are looked at in blocks of 16, 32 and 64 bytes: what stands across their ends is read as anywhere else.
@Suite struct BlockBoundaryTests {
    static let valid: [[UInt8]] = ["é", "日", "😀", "\u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF}\u{D7FF}\u{E000}"]
        .map { Array($0.utf8) }
    static let invalid: [[UInt8]] = [
        [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x41], [0xE0, 0x9F, 0xBF], [0xE6, 0x97],
        [0xED, 0xA0, 0x80], [0xF0, 0x8F, 0xBF, 0xBF], [0xF0, 0x9F, 0x98], [0xF4, 0x90, 0x80, 0x80],
        [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xC3, 0xA9, 0xA9], [0xF0, 0x9F, 0x98, 0x80, 0x80],
    ]

    static func text(_ before: Int, _ piece: [UInt8], _ after: Int) -> [UInt8] {
        let quote = [UInt8(ascii: "\"")]
        let letters = { (count: Int) in [UInt8](repeating: UInt8(ascii: "a"), count: count) }
        return quote + letters(before) + piece + letters(after) + quote
    }

    @Test(arguments: [0, 1, 15, 31, 70]) func `a character is valid wherever it stands`(after: Int) throws {
        for before in 0..<140 {
            for piece in Self.valid {
                let text = Self.text(before, piece, after)
                let root = try JSONDocument(parsing: text, limits: .pdu).root
                #expect(root.canonicalBytes() == text)
                #expect(root.utf8 == Array(text.dropFirst().dropLast()))
            }
        }
    }

    @Test(arguments: [0, 1, 15, 31, 70]) func `a wrong byte is found wherever it stands`(after: Int) throws {
        for before in 0..<140 {
            for piece in Self.invalid {
                // The sequence that is wrong begins behind what is valid in front of it.
                let start = before + 1 + (piece.count == 3 && piece[0] == 0xC3 ? 2 : piece.count == 5 ? 4 : 0)
                let text = Self.text(before, piece, after)
                #expect(refusal(of: text) == .invalidUTF8(offset: start), "\(piece) at \(before)")
            }
        }
    }

    @Test func `an escape is found and respelled wherever it stands`() throws {
        for before in 0..<140 {
            let text = Self.text(before, Array(#"\u00e9\/\n\u000a\ud83d\ude00"#.utf8), before % 40)
            let expected = Self.text(before, Array(#"é/\n\n😀"#.utf8), before % 40)
            #expect(try JSONDocument(parsing: text, limits: .pdu).root.canonicalBytes() == expected)
            #expect(try JSONValue.parse(text, limits: .pdu).canonicalBytes() == expected)
        }
    }

    @Test func `a control character is found wherever it stands`() {
        for before in 0..<140 {
            for byte in [0x00, 0x0A, 0x1F] as [UInt8] {
                let text = Self.text(before, [byte], 40)
                #expect(refusal(of: text) == .controlCharacter(offset: before + 1))
            }
        }
    }

    @Test func `digits are counted wherever they stand`() throws {
        for digits in 1...16 {
            for after in 0..<40 {
                let number = String("1234567890123456".prefix(digits))
                let text = Array(("[" + number + String(repeating: ",1", count: after) + "]").utf8)
                let root = try JSONDocument(parsing: text, limits: .pdu).root
                #expect(root.elements?.first { _ in true }?.integer == Int64(number))
                #expect(root.isCanonical)
            }
        }
    }
}
