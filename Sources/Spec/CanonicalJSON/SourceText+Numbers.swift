internal import CTextScan

extension SourceText {
    /// "integers in the range `[-(2**53)+1, (2**53)-1]`"
    static let exactIntegers: ClosedRange<Int64> = -9_007_199_254_740_991...9_007_199_254_740_991

    /// The longest number token that is looked at: enough for any double, and a bound on the cost of converting it.
    private static let maxNumberBytes = 512

    /// Judges the number that begins at `start`.
    @inline(always)
    func number(from start: Int) throws(JSONError) -> Token {
        // Up to 15 digits are in every range, and most numbers are that short.
        if start <= lastBlock {
            let digits = Int(text_leading_digits(base + start))
            if 1...15 ~= digits, base[start] != UInt8(ascii: "0") || digits == 1 {
                switch byte(start &+ digits) {
                case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"): break
                default: return Token(end: start &+ digits, kind: .integer, flags: .canonical)
                }
            }
        }
        return try unusualNumber(from: start)
    }

    @inline(never)
    private func unusualNumber(from start: Int) throws(JSONError) -> Token {
        var at = start
        let isNegative = byte(at) == UInt8(ascii: "-")
        if isNegative { at &+= 1 }
        let firstDigit = at
        var magnitude: UInt64 = 0
        while true {
            let digit = byte(at) &- UInt8(ascii: "0")
            guard digit < 10 else { break }
            magnitude = magnitude &* 10 &+ UInt64(digit)
            at &+= 1
        }
        let digits = at &- firstDigit
        guard digits > 0 else { throw unexpected(at: at) }
        // "Integer without leading zeros"
        if digits > 1, byte(firstDigit) == UInt8(ascii: "0") { throw JSONError.invalidNumber(offset: start) }
        switch byte(at) {
        case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"):
            return try fraction(from: start, at: at)
        default:
            break
        }
        // 16 digits cannot overflow the magnitude, and 2^53 - 1 has 16.
        if digits <= 16, magnitude <= UInt64(SourceText.exactIntegers.upperBound) {
            let isNegativeZero = isNegative && magnitude == 0
            if isNegativeZero, numbers == .canonical { throw JSONError.invalidNumber(offset: start) }
            return Token(end: at, kind: .integer, flags: isNegativeZero ? [] : .canonical)
        }
        return try largeInteger(from: start, to: at)
    }

    /// Judges an integer beyond ±(2^53 - 1).
    private func largeInteger(from start: Int, to end: Int) throws(JSONError) -> Token {
        switch numbers {
        case .canonical:
            throw JSONError.numberOutOfRange(offset: start)
        case .historical where end &- start <= 20 && Int64(token(from: start, to: end)) != nil:
            return Token(end: end, kind: .integer, flags: .canonical)
        case .historical, .lenient:
            return try double(from: start, to: end)
        }
    }

    /// Judges the fraction and exponent of a number that began at `start`; one of them begins at `at`.
    private func fraction(from start: Int, at: Int) throws(JSONError) -> Token {
        // "Float values are not permitted by this encoding."
        if numbers == .canonical { throw JSONError.invalidNumber(offset: start) }
        var at = at
        if byte(at) == UInt8(ascii: ".") {
            at = try offsetBehindDigits(at &+ 1)
        }
        if byte(at) == UInt8(ascii: "e") || byte(at) == UInt8(ascii: "E") {
            at &+= 1
            if byte(at) == UInt8(ascii: "+") || byte(at) == UInt8(ascii: "-") { at &+= 1 }
            at = try offsetBehindDigits(at)
        }
        return try double(from: start, to: at)
    }

    private func offsetBehindDigits(_ start: Int) throws(JSONError) -> Int {
        var at = start
        while byte(at) &- UInt8(ascii: "0") < 10 { at &+= 1 }
        guard at > start else { throw unexpected(at: at) }
        return at
    }

    private func double(from start: Int, to end: Int) throws(JSONError) -> Token {
        guard end &- start <= SourceText.maxNumberBytes, let value = Double(token(from: start, to: end)),
            value.isFinite
        else { throw JSONError.numberOutOfRange(offset: start) }
        return Token(end: end, kind: .double, flags: [])
    }

    private func token(from start: Int, to end: Int) -> String {
        String(decoding: UnsafeBufferPointer(start: base + start, count: end &- start), as: UTF8.self)
    }
}
