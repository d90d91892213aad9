/// Judges a JSON text and writes its tape, in one pass without recursion.
///
/// All of it is inlined into ``scan(_:limits:)`` and nothing takes its address, so that its state lives in registers.
/// While a container is open, its entry holds what the scanner must remember of it: in `next` the container around it, in
/// `length` its latest key, in `flags` what is known so far. Offsets fit 32 bits because the size is checked first.
struct TapeScanner {
    /// Stands for no entry.
    private static let none = UInt32.max

    private let text: SourceText
    private let maxDepth: Int
    private let maxValues: Int
    private var tape: UnsafeMutablePointer<TapeEntry>
    private var count = 0
    /// How many entries fit before there must be more memory, or the limit is reached.
    private var room: Int
    private var depth = 0
    /// The entry of the innermost open container.
    private var container = TapeScanner.none
    /// The entry of the latest key in it.
    private var lastKey = TapeScanner.none
    private var flags: TapeEntry.Flags = []

    /// Scans a whole text and returns its tape, whose first entry is the root; the caller frees it.
    static func scan(
        _ source: UnsafeBufferPointer<UInt8>, limits: JSONLimits
    ) throws(JSONError) -> Tape {
        let maxBytes = min(limits.maxBytes, Int(UInt32.max) - 16)
        guard source.count <= maxBytes else {
            throw JSONError.tooLarge(byteCount: source.count, limit: maxBytes)
        }
        guard let base = source.baseAddress, source.count > 0 else { throw JSONError.unexpectedEnd(offset: 0) }
        let text = SourceText(base: base, count: source.count, numbers: limits.numbers)
        var scanner = TapeScanner(text: text, limits: limits)
        do throws(JSONError) {
            try scanner.scan()
        } catch {
            scanner.tape.deallocate()
            throw error
        }
        return Tape(entries: scanner.tape, count: scanner.count, mayHaveDoubles: limits.numbers != .canonical)
    }

    @inline(always)
    private init(text: SourceText, limits: JSONLimits) {
        self.text = text
        maxDepth = min(limits.maxDepth, JSONLimits.deepest)
        maxValues = limits.maxValues
        let capacity = min(text.count / 10 + 16, 4096)
        tape = .allocate(capacity: capacity)
        room = min(capacity, max(limits.maxValues, 0))
    }

    @inline(always)
    private mutating func scan() throws(JSONError) {
        var at = text.offsetBehindSpace(0)
        while true {
            // Here a value must begin.
            let found = text.byte(at)
            if found == UInt8(ascii: "\"") {
                at = try scanString(from: at)
            } else if found == UInt8(ascii: "{") {
                try open(.object, [.canonical, .sorted, .openObject], at: at)
                at = skipSpace(at &+ 1)
                if text.byte(at) != UInt8(ascii: "}") {
                    at = try scanKey(from: at)
                    continue
                }
                at = close(at: at)
            } else if found == UInt8(ascii: "[") {
                try open(.array, .canonical, at: at)
                at = skipSpace(at &+ 1)
                if text.byte(at) != UInt8(ascii: "]") { continue }
                at = close(at: at)
            } else {
                at = try scanNumberOrLiteral(found, from: at)
            }
            // Here a value has ended; leave containers until one goes on.
            guard try advance(&at) else { return }
        }
    }

    /// Goes from the end of a value to the beginning of the next; false at the end of the text.
    @inline(always)
    private mutating func advance(_ at: inout Int) throws(JSONError) -> Bool {
        while container != TapeScanner.none {
            at = skipSpace(at)
            let found = text.byte(at)
            if found == UInt8(ascii: ",") {
                at = skipSpace(at &+ 1)
                if flags.contains(.openObject) { at = try scanKey(from: at) }
                return true
            }
            guard found == (flags.contains(.openObject) ? UInt8(ascii: "}") : UInt8(ascii: "]")) else {
                throw text.unexpected(at: at)
            }
            at = close(at: at)
        }
        at = text.offsetBehindSpace(at)
        guard at >= text.count else { throw JSONError.trailingBytes(offset: at) }
        return false
    }

    /// Skips white space, which the canonical form of the open container has not.
    @inline(always)
    private mutating func skipSpace(_ start: Int) -> Int {
        let at = text.offsetBehindSpace(start)
        if at != start { flags.remove(.canonical) }
        return at
    }

    @inline(always)
    private mutating func open(_ kind: TapeEntry.Kind, _ known: TapeEntry.Flags, at: Int) throws(JSONError) {
        guard depth < maxDepth else { throw JSONError.tooDeep(offset: at) }
        depth &+= 1
        if container != TapeScanner.none {
            tape[Int(container)].length = lastKey
            tape[Int(container)].flags = flags
        }
        let index = UInt32(truncatingIfNeeded: count)
        try append(TapeEntry(start: UInt32(truncatingIfNeeded: at), length: 0, next: container, kind: kind, flags: []))
        container = index
        lastKey = TapeScanner.none
        flags = known
    }

    /// Closes the open container, whose closing bracket is at `at`, and returns the offset behind it.
    @inline(always)
    private mutating func close(at: Int) -> Int {
        let end = at &+ 1
        let closed = tape + Int(container)
        if flags.contains(.openObject), !flags.contains(.sorted) { flags.remove(.canonical) }
        container = closed.pointee.next
        closed.pointee.length = UInt32(truncatingIfNeeded: end) &- closed.pointee.start
        closed.pointee.next = UInt32(truncatingIfNeeded: count)
        closed.pointee.flags = TapeEntry.Flags(rawValue: flags.rawValue & ~TapeEntry.Flags.openObject.rawValue)
        let isCanonical = flags.contains(.canonical)
        depth &-= 1
        if container != TapeScanner.none {
            let around = tape[Int(container)]
            lastKey = around.length
            flags = around.flags
            if !isCanonical { flags.remove(.canonical) }
        }
        return end
    }

    /// Scans the string whose opening quotation mark is at `quote` and returns the offset behind the closing one.
    @inline(always)
    private mutating func scanString(from quote: Int) throws(JSONError) -> Int {
        let start = quote &+ 1
        let token = try text.string(from: start)
        try append(token, from: start)
        return token.end &+ 1
    }

    @inline(always)
    private mutating func scanNumberOrLiteral(_ found: UInt8, from start: Int) throws(JSONError) -> Int {
        if found &- UInt8(ascii: "0") < 10 || found == UInt8(ascii: "-") {
            let token = try text.number(from: start)
            try append(token, from: start)
            return token.end
        }
        let kind = try text.literal(at: start)
        let end = start &+ (kind == .false ? 5 : 4)
        try append(SourceText.Token(end: end, kind: kind, flags: .canonical), from: start)
        return end
    }

    /// Scans a key and its colon and returns the offset of the value.
    @inline(always)
    private mutating func scanKey(from start: Int) throws(JSONError) -> Int {
        guard text.byte(start) == UInt8(ascii: "\"") else { throw text.unexpected(at: start) }
        let index = UInt32(truncatingIfNeeded: count)
        var at = skipSpace(try scanString(from: start))
        guard text.byte(at) == UInt8(ascii: ":") else { throw text.unexpected(at: at) }
        at = skipSpace(at &+ 1)
        if lastKey != TapeScanner.none, flags.contains(.sorted) {
            let isAscending = Self.isAscending(text, tape[Int(lastKey)], tape[Int(index)])
            if !isAscending { flags.remove(.sorted) }
        }
        lastKey = index
        return at
    }

    /// Whether one key sorts before another; keys with escapes are left to the reader to sort.
    @inline(always)
    private static func isAscending(_ text: SourceText, _ one: TapeEntry, _ other: TapeEntry) -> Bool {
        guard !one.flags.contains(.escaped), !other.flags.contains(.escaped) else { return false }
        let whole = UnsafeBufferPointer(start: text.base, count: text.count)
        let prefix = UTF8Order.prefix(of: whole, at: Int(one.start), length: Int(one.length))
        let otherPrefix = UTF8Order.prefix(of: whole, at: Int(other.start), length: Int(other.length))
        if prefix != otherPrefix { return prefix < otherPrefix }
        return UTF8Order.compare(key(text, one), key(text, other)) < 0
    }

    @inline(always)
    private static func key(_ text: SourceText, _ entry: TapeEntry) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: text.base + Int(entry.start), count: Int(entry.length))
    }

    @inline(always)
    private mutating func append(_ token: SourceText.Token, from start: Int) throws(JSONError) {
        if !token.flags.contains(.canonical) { flags.remove(.canonical) }
        try append(
            TapeEntry(
                start: UInt32(truncatingIfNeeded: start),
                length: UInt32(truncatingIfNeeded: token.end &- start),
                next: UInt32(truncatingIfNeeded: count &+ 1),
                kind: token.kind,
                flags: token.flags))
    }

    /// Appends an entry, counting it against the limit.
    @inline(always)
    private mutating func append(_ entry: TapeEntry) throws(JSONError) {
        if count == room {
            guard count < maxValues else { throw JSONError.tooManyValues(offset: Int(entry.start)) }
            (tape, room) = Self.enlarged(tape, count, maxValues)
        }
        (tape + count).initialize(to: entry)
        count &+= 1
    }

    @inline(never)
    private static func enlarged(
        _ tape: UnsafeMutablePointer<TapeEntry>, _ count: Int, _ maxValues: Int
    ) -> (UnsafeMutablePointer<TapeEntry>, Int) {
        let room = min(count &* 2, maxValues)
        let larger = UnsafeMutablePointer<TapeEntry>.allocate(capacity: room)
        larger.moveInitialize(from: tape, count: count)
        tape.deallocate()
        return (larger, room)
    }
}
