internal import CanonicalJSON

/// Judges a JSON text slowly, word for word by RFC 8259 and the rules for Matrix's numbers, as a second opinion.
struct NaiveJSON {
    private let scalars: [Unicode.Scalar]
    private let numbers: JSONLimits.Numbers
    private var at = 0

    /// Whether a text is JSON; depth and size are not judged.
    static func accepts(_ text: [UInt8], _ limits: JSONLimits) -> Bool {
        guard let string = String(validating: text, as: UTF8.self) else { return false }
        var judge = NaiveJSON(scalars: Array(string.unicodeScalars), numbers: limits.numbers)
        guard judge.value() else { return false }
        judge.space()
        return judge.at == judge.scalars.count
    }

    private init(scalars: [Unicode.Scalar], numbers: JSONLimits.Numbers) {
        self.scalars = scalars
        self.numbers = numbers
    }

    private var next: Unicode.Scalar? { at < scalars.count ? scalars[at] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == scalar else { return false }
        at += 1
        return true
    }

    private mutating func space() {
        while let scalar = next, " \t\n\r".unicodeScalars.contains(scalar) { at += 1 }
    }

    private mutating func value() -> Bool {
        space()
        switch next {
        case "{":
            return list("{", "}") { judge in
                judge.space()
                guard judge.string() else { return false }
                judge.space()
                return judge.take(":") && judge.value()
            }
        case "[": return list("[", "]") { $0.value() }
        case "\"": return string()
        case "t": return word("true")
        case "f": return word("false")
        case "n": return word("null")
        default: return number()
        }
    }

    private mutating func list(
        _ opening: Unicode.Scalar, _ closing: Unicode.Scalar, _ element: (inout NaiveJSON) -> Bool
    ) -> Bool {
        guard take(opening) else { return false }
        space()
        if take(closing) { return true }
        while true {
            guard element(&self) else { return false }
            space()
            if take(closing) { return true }
            guard take(",") else { return false }
        }
    }

    private mutating func word(_ word: String) -> Bool {
        word.unicodeScalars.allSatisfy { take($0) }
    }

    private mutating func string() -> Bool {
        guard take("\"") else { return false }
        while let scalar = next {
            at += 1
            switch scalar {
            case "\"": return true
            case "\\": guard escape() else { return false }
            default: guard scalar.value >= 0x20 else { return false }
            }
        }
        return false
    }

    private mutating func escape() -> Bool {
        guard let letter = next else { return false }
        at += 1
        guard letter == "u" else { return "\"\\/bfnrt".unicodeScalars.contains(letter) }
        guard let unit = unit() else { return false }
        if 0xDC00...0xDFFF ~= unit { return false }
        guard 0xD800...0xDBFF ~= unit else { return true }
        guard take("\\"), take("u"), let trailing = self.unit() else { return false }
        return 0xDC00...0xDFFF ~= trailing
    }

    private mutating func unit() -> UInt32? {
        guard at + 4 <= scalars.count else { return nil }
        let digits = scalars[at..<at + 4]
        at += 4
        guard digits.allSatisfy({ $0.isASCII && $0.properties.isHexDigit }) else { return nil }
        return UInt32(String(String.UnicodeScalarView(digits)), radix: 16)
    }

    private mutating func number() -> Bool {
        let start = at
        _ = take("-")
        let whole = digits()
        guard !whole.isEmpty, whole.count == 1 || whole.first != "0" else { return false }
        let isInteger = next != "." && next != "e" && next != "E"
        if take("."), digits().isEmpty { return false }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            if digits().isEmpty { return false }
        }
        let token = String(String.UnicodeScalarView(scalars[start..<at]))
        if numbers == .canonical {
            guard isInteger, token != "-0", let value = Int64(token) else { return false }
            return value.magnitude <= 9_007_199_254_740_991
        }
        if isInteger, numbers == .historical, Int64(token) != nil { return true }
        if isInteger, let value = Int64(token), value.magnitude <= 9_007_199_254_740_991 { return true }
        // The bound is the parser's own.
        return token.utf8.count <= 512 && Double(token)?.isFinite == true
    }

    private mutating func digits() -> String {
        var found = ""
        while let scalar = next, "0"..."9" ~= scalar {
            found.unicodeScalars.append(scalar)
            at += 1
        }
        return found
    }
}
