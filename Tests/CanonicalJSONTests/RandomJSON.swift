import CanonicalJSON
import TestSupport

/// Makes random values that have a canonical form, and spells them in random ways.
struct RandomJSON {
    var random: SeededRandom

    static let scalars: [Unicode.Scalar] = [
        "a", "b", "Z", "0", "_", ".", " ", "\"", "\\", "/", "\n", "\u{0}", "\u{1F}", "\u{7F}", "\u{80}", "é", "\u{301}",
        "日", "\u{E000}", "\u{FFFD}", "\u{FFFF}", "\u{10000}", "😀", "\u{10FFFF}",
    ]

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
    }

    mutating func string() -> String {
        var view = String.UnicodeScalarView()
        let plain = random.oneIn(2)
        for _ in 0..<random.below(random.oneIn(5) ? 30 : 6) {
            let bound = plain ? 6 : Self.scalars.count
            view.append(Self.scalars[random.below(bound)])
        }
        return String(view)
    }

    mutating func integer() -> Int64 {
        let greatest: Int64 = 9_007_199_254_740_991
        switch random.below(4) {
        case 0: return Int64(random.below(10))
        case 1: return random.oneIn(2) ? greatest : -greatest
        case 2: return Int64(random.below(1 << 53)) - Int64(random.below(1 << 53))
        default: return -Int64(random.below(1000))
        }
    }

    mutating func value(depth: Int = 4) -> JSONValue {
        switch random.below(depth > 0 ? 8 : 5) {
        case 0: return .null
        case 1: return .bool(random.oneIn(2))
        case 2: return .integer(integer())
        case 3, 4: return .string(string())
        case 5: return .array((0..<random.below(5)).map { _ in value(depth: depth - 1) })
        default: return .object(JSONObject((0..<random.below(6)).map { _ in (string(), value(depth: depth - 1)) }))
        }
    }

    /// Spells a value with random white space, escapes, order of members and overridden duplicates.
    mutating func spell(_ value: JSONValue) -> String {
        switch value {
        case .null, .bool, .integer, .double: return space() + value.description + space()
        case .string(let string): return space() + spell(string) + space()
        case .array(let elements):
            return space() + "[" + elements.map { spell($0) }.joined(separator: ",") + (elements.isEmpty ? space() : "")
                + "]" + space()
        case .object(let object):
            var members = object.map { ($0.key, $0.value) }.shuffled(using: &random)
            if let first = members.last, random.oneIn(4) { members.insert((first.0, .null), at: 0) }
            let spelled = members.map { space() + spell($0.0) + space() + ":" + spell($0.1) }
            return space() + "{" + spelled.joined(separator: ",") + (members.isEmpty ? space() : "") + "}" + space()
        }
    }

    private mutating func space() -> String {
        random.oneIn(4) ? [" ", "\n", "\t", "\r", " \n "][random.below(5)] : ""
    }

    private mutating func spell(_ string: String) -> String {
        guard random.oneIn(3) else { return JSONValue.string(string).description }
        var spelled = "\""
        for scalar in string.unicodeScalars {
            if random.oneIn(2) {
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16, uppercase: random.oneIn(2))
                    spelled += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            } else {
                spelled += String(JSONValue.string(String(scalar)).description.unicodeScalars.dropFirst().dropLast())
            }
        }
        return spelled + "\""
    }
}
