extension TapeScanner {
    /// The longest number token that is looked at: enough for any double, and a bound on the cost of converting it.
    private static let maxNumberBytes = 512

    /// Scans the number that begins at `start` and returns the offset behind it.
    @inline(__always)
    mutating func scanNumber(from start: Int) throws(JSONError) -> Int {
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
            return try scanFraction(from: start, at: at)
        default:
            break
        }
        // 16 digits cannot overflow the magnitude, and 2^53 - 1 has 16.
        if digits <= 16, magnitude <= UInt64(TapeScanner.exactIntegers.upperBound) {
            let isNegativeZero = isNegative && magnitude == 0
            if isNegativeZero, numbers == .canonical { throw JSONError.invalidNumber(offset: start) }
            try append(.integer, start: start, end: at, flags: isNegativeZero ? [] : .canonical)
            return at
        }
        return try endLargeInteger(from: start, at: at)
    }

    /// Judges an integer beyond ±(2^53 - 1).
    @inline(never)
    private mutating func endLargeInteger(from start: Int, at end: Int) throws(JSONError) -> Int {
        switch numbers {
        case .canonical:
            throw JSONError.numberOutOfRange(offset: start)
        case .historical where end &- start <= 20 && Int64(token(from: start, to: end)) != nil:
            try append(.integer, start: start, end: end, flags: .canonical)
        case .historical, .lenient:
            try appendDouble(from: start, to: end)
        }
        return end
    }

    /// Scans the fraction and exponent of a number that began at `start`; one of them begins at `at`.
    @inline(never)
    private mutating func scanFraction(from start: Int, at: Int) throws(JSONError) -> Int {
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
        try appendDouble(from: start, to: at)
        return at
    }

    private func offsetBehindDigits(_ start: Int) throws(JSONError) -> Int {
        var at = start
        while byte(at) &- UInt8(ascii: "0") < 10 { at &+= 1 }
        guard at > start else { throw unexpected(at: at) }
        return at
    }

    private mutating func appendDouble(from start: Int, to end: Int) throws(JSONError) {
        guard end &- start <= TapeScanner.maxNumberBytes, let value = Double(token(from: start, to: end)),
            value.isFinite
        else { throw JSONError.numberOutOfRange(offset: start) }
        try append(.double, start: start, end: end, flags: [])
    }

    private func token(from start: Int, to end: Int) -> String {
        String(decoding: UnsafeBufferPointer(start: base + start, count: end &- start), as: UTF8.self)
    }
}
