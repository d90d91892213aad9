internal import CanonicalJSON

/// Any bytes as the choices by which a value is made: written and read again it must be the same.
enum JSONValuesTarget {
    @Sendable static func defect(_ choices: [UInt8]) -> String? {
        var maker = Maker(choices: choices)
        let value = maker.value(depth: 6)
        let text = value.canonicalBytes()
        do throws(JSONError) {
            let root = try JSONDocument(parsing: text, limits: .stored).root
            if root.toValue() != value { return "another value is read" }
            if root.canonicalBytes() != text { return "other bytes are written" }
            let hasEscape = text.contains(UInt8(ascii: "\\"))
            if !root.isCanonical, !hasEscape { return "not taken for canonical" }
            if try JSONValue.parse(text, limits: .pdu) != value { return "the tree reads another value" }
        } catch {
            return "its canonical form is refused: \(error)"
        }
        return nil
    }

    private struct Maker {
        let choices: [UInt8]
        var at = 0

        mutating func choice() -> UInt8 {
            guard at < choices.count else { return 0 }
            at += 1
            return choices[at - 1]
        }

        mutating func string() -> String {
            let count = Int(choice() % 24)
            var view = String.UnicodeScalarView()
            for _ in 0..<count {
                let low = UInt32(choice())
                switch low {
                case 0xF0...: view.append(Unicode.Scalar(low << 12 | UInt32(choice()) << 4) ?? "\u{FFFD}")
                case 0xC0...: view.append(Unicode.Scalar((low & 0x3F) << 8 | UInt32(choice())) ?? "\u{0}")
                default: view.append(Unicode.Scalar(low) ?? "?")
                }
            }
            return String(view)
        }

        mutating func integer() -> Int64 {
            var magnitude: UInt64 = 0
            for _ in 0..<choice() % 8 { magnitude = magnitude << 8 | UInt64(choice()) }
            let bounded = Int64(truncatingIfNeeded: magnitude & 0x1F_FFFF_FFFF_FFFF)
            return choice() & 1 == 0 ? bounded : -bounded
        }

        mutating func value(depth: Int) -> JSONValue {
            switch choice() % (depth > 0 ? 8 : 5) {
            case 0: return .null
            case 1: return .bool(choice() & 1 == 0)
            case 2: return .integer(integer())
            case 3, 4: return .string(string())
            case 5: return .array((0..<choice() % 6).map { _ in value(depth: depth - 1) })
            default: return .object(JSONObject((0..<choice() % 30).map { _ in (string(), value(depth: depth - 1)) }))
            }
        }
    }
}
