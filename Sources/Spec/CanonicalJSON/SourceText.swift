internal import CTextScan

/// A JSON text under judgement, and the rules for its single tokens.
///
/// The text comes from anybody: a byte is read through ``byte(_:)``, which answers 0 behind the end, and 0 is legal nowhere
/// in JSON; a block of sixteen bytes only up to ``lastBlock``. A trivial value of four words, so that it is passed in
/// registers and the scanner's own state never has to lie in memory.
struct SourceText {
    let base: UnsafePointer<UInt8>
    let count: Int
    /// The last offset at which sixteen bytes can be looked at together.
    ///
    /// Negative for a text that is not all UTF-8: each character is then looked at, and the wrong one found.
    let lastBlock: Int
    let numbers: JSONLimits.Numbers

    init(base: UnsafePointer<UInt8>, count: Int, numbers: JSONLimits.Numbers) {
        self.base = base
        self.count = count
        self.numbers = numbers
        lastBlock = text_is_utf8(base, count) ? count &- 16 : -1
    }

    /// The byte at an offset, 0 behind the end.
    @inline(always)
    func byte(_ offset: Int) -> UInt8 {
        offset < count ? base[offset] : 0
    }

    @inline(never)
    func unexpected(at offset: Int) -> JSONError {
        offset < count ? .unexpectedByte(base[offset], offset: offset) : .unexpectedEnd(offset: offset)
    }

    @inline(always)
    func offsetBehindSpace(_ start: Int) -> Int {
        if byte(start) > 0x20 { return start }
        var at = start
        while true {
            switch byte(at) {
            case 0x20, 0x0A, 0x0D, 0x09: at &+= 1
            default: return at
            }
        }
    }

    /// Which literal begins at an offset.
    @inline(never)
    func literal(at start: Int) throws(JSONError) -> TapeEntry.Kind {
        let kind: TapeEntry.Kind
        let spelling: StaticString
        switch byte(start) {
        case UInt8(ascii: "t"): (kind, spelling) = (.true, "true")
        case UInt8(ascii: "f"): (kind, spelling) = (.false, "false")
        case UInt8(ascii: "n"): (kind, spelling) = (.null, "null")
        default: throw unexpected(at: start)
        }
        let expected = UnsafeBufferPointer(start: spelling.utf8Start, count: spelling.utf8CodeUnitCount)
        var at = start
        for letter in expected {
            guard byte(at) == letter else { throw unexpected(at: at) }
            at &+= 1
        }
        return kind
    }
}
