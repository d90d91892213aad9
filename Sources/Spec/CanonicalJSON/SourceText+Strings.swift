internal import CTextScan

extension SourceText {
    /// Where a token ends and what is to be said of it.
    struct Token {
        var end: Int
        var kind: TapeEntry.Kind
        var flags: TapeEntry.Flags
    }

    /// Judges the string whose first byte behind the quotation mark is at `start`; its end is the closing mark.
    @inline(always)
    func string(from start: Int) throws(JSONError) -> Token {
        var at = start
        while at <= lastBlock &- 16 {
            let plain = Int(text_first_stop_of_32(base + at))
            at &+= plain
            if plain < 32 {
                if base[at] == UInt8(ascii: "\"") { return Token(end: at, kind: .string, flags: .canonical) }
                break
            }
        }
        return try unusualString(from: at)
    }

    /// Goes on at `start` in a string with escapes, near the end of the text, or in a text that is not all UTF-8.
    @inline(never)
    private func unusualString(from start: Int) throws(JSONError) -> Token {
        var at = start
        var token = Token(end: at, kind: .string, flags: .canonical)
        while true {
            while at <= lastBlock {
                let plain = Int(text_first_stop(base + at))
                at &+= plain
                if plain < 16 { break }
            }
            let found = byte(at)
            if found == UInt8(ascii: "\"") {
                token.end = at
                return token
            }
            if found >= 0x80 {
                // Where blocks are looked at, all characters are known to be valid, and a block may end inside of one.
                at = lastBlock >= 0 ? at &+ 1 : try offsetBehindCharacter(at)
            } else if found == UInt8(ascii: "\\") {
                at = try offsetBehindEscape(at, &token.flags)
            } else if found >= 0x20 {
                at &+= 1
            } else {
                throw at < count ? JSONError.controlCharacter(offset: at) : .unexpectedEnd(offset: at)
            }
        }
    }

    /// Checks one UTF-8 sequence of two to four bytes, by table 3-7 of the Unicode standard.
    @inline(always)
    private func offsetBehindCharacter(_ at: Int) throws(JSONError) -> Int {
        let lead = byte(at)
        let second = byte(at &+ 1)
        switch lead {
        case 0xC2...0xDF:
            if isContinuation(second) { return at &+ 2 }
        case 0xE0...0xEF:
            // Neither an overlong form nor a surrogate.
            let low: UInt8 = lead == 0xE0 ? 0xA0 : 0x80
            let high: UInt8 = lead == 0xED ? 0x9F : 0xBF
            if second >= low, second <= high, isContinuation(byte(at &+ 2)) { return at &+ 3 }
        case 0xF0...0xF4:
            // Neither an overlong form nor beyond U+10FFFF.
            let low: UInt8 = lead == 0xF0 ? 0x90 : 0x80
            let high: UInt8 = lead == 0xF4 ? 0x8F : 0xBF
            if second >= low, second <= high, isContinuation(byte(at &+ 2)), isContinuation(byte(at &+ 3)) {
                return at &+ 4
            }
        default:
            break
        }
        throw JSONError.invalidUTF8(offset: at)
    }

    @inline(always)
    private func isContinuation(_ byte: UInt8) -> Bool { byte & 0xC0 == 0x80 }

    /// Checks the escape whose reverse solidus is at `at`; clears `canonical` when canonical JSON spells it otherwise.
    @inline(always)
    private func offsetBehindEscape(_ at: Int, _ flags: inout TapeEntry.Flags) throws(JSONError) -> Int {
        flags.insert(.escaped)
        switch byte(at &+ 1) {
        case UInt8(ascii: "b"), UInt8(ascii: "t"), UInt8(ascii: "n"), UInt8(ascii: "f"), UInt8(ascii: "r"),
            UInt8(ascii: "\""), UInt8(ascii: "\\"):
            return at &+ 2
        case UInt8(ascii: "/"):
            flags.remove(.canonical)
            return at &+ 2
        case UInt8(ascii: "u"):
            return try offsetBehindUnicodeEscape(at, &flags)
        default:
            throw at &+ 1 < count ? JSONError.invalidEscape(offset: at) : .unexpectedEnd(offset: at &+ 1)
        }
    }

    @inline(always)
    private func offsetBehindUnicodeEscape(
        _ at: Int, _ flags: inout TapeEntry.Flags
    ) throws(JSONError) -> Int {
        guard let unit = hexadecimal(at &+ 2) else { throw JSONError.invalidEscape(offset: at) }
        switch unit {
        case 0xD800...0xDBFF:
            guard byte(at &+ 6) == UInt8(ascii: "\\"), byte(at &+ 7) == UInt8(ascii: "u"),
                let trailing = hexadecimal(at &+ 8), 0xDC00...0xDFFF ~= trailing
            else { throw JSONError.loneSurrogate(offset: at) }
            flags.remove(.canonical)
            return at &+ 12
        case 0xDC00...0xDFFF:
            throw JSONError.loneSurrogate(offset: at)
        default:
            if !isCanonicalEscape(of: unit, at) { flags.remove(.canonical) }
            return at &+ 6
        }
    }

    /// "All ASCII control characters which do not have dedicated escape sequences", the hexadecimal letters lower case.
    private func isCanonicalEscape(of unit: UInt16, _ at: Int) -> Bool {
        switch unit {
        case 0x08, 0x09, 0x0A, 0x0C, 0x0D: false
        case 0..<0x20: !(UInt8(ascii: "A")...UInt8(ascii: "F") ~= byte(at &+ 5))
        default: false
        }
    }

    @inline(always)
    private func hexadecimal(_ at: Int) -> UInt16? {
        var value: UInt16 = 0
        for offset in at..<at &+ 4 {
            guard let digit = HexadecimalDigit.value(of: byte(offset)) else { return nil }
            value = value << 4 | digit
        }
        return value
    }
}

/// The digits of `\u` escapes.
enum HexadecimalDigit {
    /// The value of a digit, nil when `byte` is none.
    @inline(always)
    static func value(of byte: UInt8) -> UInt16? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt16(byte &- UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt16(byte &- UInt8(ascii: "a") &+ 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt16(byte &- UInt8(ascii: "A") &+ 10)
        default: nil
        }
    }
}
