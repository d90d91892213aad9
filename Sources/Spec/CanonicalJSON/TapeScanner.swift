/// Judges a JSON text and writes its tape, in one pass without recursion.
///
/// The text comes from anybody: each byte is read through ``byte(_:)``, which answers 0 behind the end, and 0 is legal
/// nowhere in JSON. Offsets fit 32 bits because the size is checked first.
struct TapeScanner: ~Copyable {
    /// An array or object that is not closed yet.
    private struct Frame {
        /// Its entry on the tape; -1 outside all containers.
        var entry: Int
        /// The entry of its latest key; -1 before the first.
        var lastKey: Int
        var isObject: Bool
        var flags: TapeEntry.Flags
    }

    /// "integers in the range `[-(2**53)+1, (2**53)-1]`"
    static let exactIntegers: ClosedRange<Int64> = -9_007_199_254_740_991...9_007_199_254_740_991

    let base: UnsafePointer<UInt8>
    let count: Int
    let numbers: JSONLimits.Numbers
    private let maxDepth: Int
    private let maxValues: Int
    private var tape: [TapeEntry] = []
    private var enclosing: [Frame] = []
    private var frame = Frame(entry: -1, lastKey: -1, isObject: false, flags: [])

    /// Scans a whole text and returns its tape, whose first entry is the root.
    static func scan(
        _ source: UnsafeBufferPointer<UInt8>, limits: JSONLimits
    ) throws(JSONError) -> [TapeEntry] {
        let maxBytes = min(limits.maxBytes, Int(UInt32.max) - 16)
        guard source.count <= maxBytes else {
            throw JSONError.tooLarge(byteCount: source.count, limit: maxBytes)
        }
        guard let base = source.baseAddress, source.count > 0 else { throw JSONError.unexpectedEnd(offset: 0) }
        var scanner = TapeScanner(base: base, count: source.count, limits: limits)
        try scanner.scan()
        return scanner.tape
    }

    private init(base: UnsafePointer<UInt8>, count: Int, limits: JSONLimits) {
        self.base = base
        self.count = count
        numbers = limits.numbers
        maxDepth = min(limits.maxDepth, JSONLimits.deepest)
        maxValues = limits.maxValues
        tape.reserveCapacity(min(count / 10 + 8, 4096))
        enclosing.reserveCapacity(8)
    }

    /// The byte at an offset, 0 behind the end.
    @inline(__always)
    func byte(_ offset: Int) -> UInt8 {
        offset < count ? base[offset] : 0
    }

    /// Eight bytes in little-endian order; the caller has checked that they are there.
    @inline(__always)
    func word(_ offset: Int) -> UInt64 {
        UInt64(littleEndian: UnsafeRawPointer(base).loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    @inline(never)
    func unexpected(at offset: Int) -> JSONError {
        offset < count ? .unexpectedByte(base[offset], offset: offset) : .unexpectedEnd(offset: offset)
    }

    private mutating func scan() throws(JSONError) {
        var at = offsetBehindSpace(0)
        while true {
            // Here a value must begin.
            switch byte(at) {
            case UInt8(ascii: "\""):
                at = try scanString(from: at)
            case UInt8(ascii: "{"):
                try open(isObject: true, at: at)
                at = skipSpace(at &+ 1)
                if byte(at) != UInt8(ascii: "}") {
                    at = try scanKey(from: at)
                    continue
                }
                at = close(at: at)
            case UInt8(ascii: "["):
                try open(isObject: false, at: at)
                at = skipSpace(at &+ 1)
                if byte(at) != UInt8(ascii: "]") { continue }
                at = close(at: at)
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                at = try scanNumber(from: at)
            default:
                at = try scanLiteral(from: at)
            }
            // Here a value has ended; leave containers until one goes on.
            guard try advance(&at) else { return }
        }
    }

    /// Goes from the end of a value to the beginning of the next; false at the end of the text.
    @inline(__always)
    private mutating func advance(_ at: inout Int) throws(JSONError) -> Bool {
        while frame.entry >= 0 {
            at = skipSpace(at)
            let found = byte(at)
            if found == UInt8(ascii: ",") {
                at = skipSpace(at &+ 1)
                if frame.isObject { at = try scanKey(from: at) }
                return true
            }
            guard found == (frame.isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")) else { throw unexpected(at: at) }
            at = close(at: at)
        }
        at = offsetBehindSpace(at)
        guard at >= count else { throw JSONError.trailingBytes(offset: at) }
        return false
    }

    @inline(__always)
    func offsetBehindSpace(_ start: Int) -> Int {
        var at = start
        while true {
            switch byte(at) {
            case 0x20, 0x0A, 0x0D, 0x09: at &+= 1
            default: return at
            }
        }
    }

    /// Skips white space, which the canonical form of the open container has not.
    @inline(__always)
    private mutating func skipSpace(_ start: Int) -> Int {
        if byte(start) > 0x20 { return start }
        let at = offsetBehindSpace(start)
        if at != start { frame.flags.remove(.canonical) }
        return at
    }

    private mutating func open(isObject: Bool, at: Int) throws(JSONError) {
        let depth = enclosing.count &+ (frame.entry >= 0 ? 1 : 0)
        guard depth < maxDepth else { throw JSONError.tooDeep(offset: at) }
        if frame.entry >= 0 { enclosing.append(frame) }
        frame = Frame(
            entry: tape.count, lastKey: -1, isObject: isObject, flags: isObject ? [.canonical, .sorted] : .canonical)
        try append(isObject ? .object : .array, start: at, end: at, flags: [])
    }

    /// Closes the open container, whose closing bracket is at `at`, and returns the offset behind it.
    @inline(__always)
    private mutating func close(at: Int) -> Int {
        let end = at &+ 1
        let index = frame.entry
        if !frame.flags.contains(.sorted), frame.isObject { frame.flags.remove(.canonical) }
        tape[index].length = UInt32(truncatingIfNeeded: end &- Int(tape[index].start))
        tape[index].next = UInt32(truncatingIfNeeded: tape.count)
        tape[index].flags = frame.flags
        let isCanonical = frame.flags.contains(.canonical)
        frame = enclosing.popLast() ?? Frame(entry: -1, lastKey: -1, isObject: false, flags: [])
        if !isCanonical { frame.flags.remove(.canonical) }
        return end
    }

    /// Scans a key and its colon and returns the offset of the value.
    @inline(__always)
    private mutating func scanKey(from start: Int) throws(JSONError) -> Int {
        guard byte(start) == UInt8(ascii: "\"") else { throw unexpected(at: start) }
        let index = tape.count
        var at = skipSpace(try scanString(from: start))
        guard byte(at) == UInt8(ascii: ":") else { throw unexpected(at: at) }
        at = skipSpace(at &+ 1)
        if frame.lastKey >= 0, frame.flags.contains(.sorted), !isAscending(frame.lastKey, index) {
            frame.flags.remove(.sorted)
        }
        frame.lastKey = index
        return at
    }

    /// Whether the key at `one` sorts before the key at `other`; keys with escapes are left to the reader to sort.
    private func isAscending(_ one: Int, _ other: Int) -> Bool {
        guard !tape[one].flags.contains(.escaped), !tape[other].flags.contains(.escaped) else { return false }
        return UTF8Order.compare(text(of: tape[one]), text(of: tape[other])) < 0
    }

    private func text(of entry: TapeEntry) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: base + Int(entry.start), count: Int(entry.length))
    }

    /// Appends the entry of a value that ends at `end`, counting it.
    @inline(__always)
    mutating func append(
        _ kind: TapeEntry.Kind, start: Int, end: Int, flags: TapeEntry.Flags
    ) throws(JSONError) {
        guard tape.count < maxValues else { throw JSONError.tooManyValues(offset: start) }
        if kind.rawValue < TapeEntry.Kind.array.rawValue, !flags.contains(.canonical) {
            frame.flags.remove(.canonical)
        }
        tape.append(
            TapeEntry(
                start: UInt32(truncatingIfNeeded: start),
                length: UInt32(truncatingIfNeeded: end &- start),
                next: UInt32(truncatingIfNeeded: tape.count &+ 1),
                kind: kind,
                flags: flags))
    }

    private mutating func scanLiteral(from start: Int) throws(JSONError) -> Int {
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
        try append(kind, start: start, end: at, flags: .canonical)
        return at
    }
}
