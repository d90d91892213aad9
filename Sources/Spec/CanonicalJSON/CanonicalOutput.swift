internal import CTextScan

/// Canonical JSON written to memory that has room for all of it.
///
/// No value's canonical form is longer than its text, except that of a double (``bytesForDouble``): escapes only get
/// shorter, white space and overridden members go. So the room is known before, and no byte written is checked.
struct CanonicalOutput {
    /// What a double may need beyond its token.
    static let bytesForDouble = 24
    /// How many bytes behind the output may be overwritten, so that short pieces are copied with two moves.
    static let slack = 32

    private let source: UnsafeBufferPointer<UInt8>
    private let start: UnsafeMutablePointer<UInt8>
    private var out: UnsafeMutablePointer<UInt8>

    init(source: UnsafeBufferPointer<UInt8>, memory: UnsafeMutablePointer<UInt8>) {
        self.source = source
        start = memory
        out = memory
    }

    /// How many bytes are written.
    @inline(always)
    var count: Int { out - start }

    @inline(always)
    mutating func put(_ byte: UInt8) {
        out.pointee = byte
        out += 1
    }

    /// Writes a piece of the text as it is.
    @inline(always)
    mutating func copy(_ offset: Int, _ length: Int) {
        guard let base = source.baseAddress else { return }
        if length <= 32, offset &+ 32 <= source.count {
            let from = UnsafeRawPointer(base + offset)
            let to = UnsafeMutableRawPointer(out)
            to.storeBytes(of: from.loadUnaligned(as: SIMD16<UInt8>.self), as: SIMD16<UInt8>.self)
            let rest = from.loadUnaligned(fromByteOffset: 16, as: SIMD16<UInt8>.self)
            to.storeBytes(of: rest, toByteOffset: 16, as: SIMD16<UInt8>.self)
        } else {
            out.update(from: base + offset, count: length)
        }
        out += length
    }

    /// Writes bytes that are canonical JSON already.
    mutating func put(_ bytes: [UInt8]) {
        bytes.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            out.update(from: base, count: bytes.count)
        }
        out += bytes.count
    }

    /// Writes a string whose text between the quotation marks is valid, spelling its escapes in the canonical way.
    mutating func respell(_ offset: Int, _ length: Int) {
        put(UInt8(ascii: "\""))
        let end = offset &+ length
        var at = offset
        while at < end {
            let run = at
            at = endOfRun(at, end)
            copy(run, at &- run)
            guard at < end else { break }
            at = respellEscape(at)
        }
        put(UInt8(ascii: "\""))
    }

    /// The offset of the next reverse solidus, or the end of the string.
    @inline(always)
    private func endOfRun(_ start: Int, _ end: Int) -> Int {
        guard let base = source.baseAddress else { return end }
        var at = start
        while at &+ 16 <= source.count {
            let plain = Int(text_first_stop(base + at))
            at &+= plain
            // Inside a string only the reverse solidus stops; what stops behind it is its closing quotation mark.
            if plain < 16 || at >= end { return min(at, end) }
        }
        while at < end, base[at] != UInt8(ascii: "\\") { at &+= 1 }
        return min(at, end)
    }

    private mutating func respellEscape(_ at: Int) -> Int {
        let letter = source[at &+ 1]
        switch letter {
        case UInt8(ascii: "/"):
            put(letter)
            return at &+ 2
        case UInt8(ascii: "u"):
            let (scalar, length) = EscapedText.scalar(ofEscapeAt: at, in: source)
            put(scalar)
            return at &+ length
        default:
            put(UInt8(ascii: "\\"))
            put(letter)
            return at &+ 2
        }
    }

    /// Writes one scalar of a string.
    private mutating func put(_ scalar: UInt32) {
        switch scalar {
        case 0..<0x20, 0x22, 0x5C:
            var escape: [UInt8] = []
            JSONText.appendEscape(of: UInt8(truncatingIfNeeded: scalar), to: &escape)
            put(escape)
        case 0x20..<0x80:
            put(UInt8(truncatingIfNeeded: scalar))
        case 0x80..<0x800:
            put(UInt8(truncatingIfNeeded: 0xC0 | scalar >> 6))
            put(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
        case 0x800..<0x10000:
            put(UInt8(truncatingIfNeeded: 0xE0 | scalar >> 12))
            put(UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3F))
            put(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
        default:
            put(UInt8(truncatingIfNeeded: 0xF0 | scalar >> 18))
            put(UInt8(truncatingIfNeeded: 0x80 | scalar >> 12 & 0x3F))
            put(UInt8(truncatingIfNeeded: 0x80 | scalar >> 6 & 0x3F))
            put(UInt8(truncatingIfNeeded: 0x80 | scalar & 0x3F))
        }
    }
}
