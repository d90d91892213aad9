/// Reads a tape beside the text it was made from.
///
/// Both are borrowed, so a reader must not leave the closure that lent them. The tape is the scanner's own work: its
/// offsets lie inside the text and its nesting is no deeper than ``JSONLimits/deepest``, so recursion is safe.
struct TapeReader {
    /// A key to be sorted: the first bytes decide most comparisons.
    private struct SortedKey {
        var prefix: UInt64
        var index: Int
    }

    let source: UnsafeBufferPointer<UInt8>
    let tape: UnsafeBufferPointer<TapeEntry>
    let mayHaveDoubles: Bool

    init(source: UnsafeBufferPointer<UInt8>, tape: Tape) {
        self.source = source
        self.tape = tape.buffer
        mayHaveDoubles = tape.mayHaveDoubles
    }

    // MARK: Scalars

    /// The bytes of a scalar as they stand in the text, of a string without its quotation marks.
    @inline(always)
    func text(at index: Int) -> UnsafeBufferPointer<UInt8> {
        let start = Int(tape[index].start)
        return UnsafeBufferPointer(rebasing: source[start..<start &+ Int(tape[index].length)])
    }

    /// The string at `index`, its escapes resolved.
    @inline(always)
    func string(at index: Int) -> String {
        if tape[index].flags.contains(.escaped) { return String(decoding: decoded(at: index), as: UTF8.self) }
        return String(decoding: text(at: index), as: UTF8.self)
    }

    /// The UTF-8 bytes of the string at `index`, its escapes resolved.
    func decoded(at index: Int) -> [UInt8] {
        let text = text(at: index)
        guard tape[index].flags.contains(.escaped) else { return Array(text) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var escaped = EscapedText(text)
        escaped.append(to: &bytes)
        return bytes
    }

    /// The integer at `index`; the scanner has checked that it fits.
    func integer(at index: Int) -> Int64 {
        var magnitude: UInt64 = 0
        var isNegative = false
        for byte in text(at: index) {
            guard byte != UInt8(ascii: "-") else {
                isNegative = true
                continue
            }
            magnitude = magnitude &* 10 &+ UInt64(byte & 0xF)
        }
        let value = Int64(truncatingIfNeeded: magnitude)
        return isNegative ? 0 &- value : value
    }

    /// The double at `index`.
    func double(at index: Int) -> Double {
        Double(String(decoding: text(at: index), as: UTF8.self)) ?? .nan
    }

    // MARK: Keys

    /// Compares two string entries by their resolved bytes.
    @inline(always)
    private func compareKeys(_ one: Int, _ other: Int) -> Int {
        if tape[one].flags.contains(.escaped) || tape[other].flags.contains(.escaped) {
            return EscapedText.compare(text(at: one), text(at: other))
        }
        return UTF8Order.compare(text(at: one), text(at: other))
    }

    /// Whether the string at `index` has exactly these UTF-8 bytes.
    @inline(always)
    func string(at index: Int, equals bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        if tape[index].flags.contains(.escaped) {
            return decoded(at: index).withUnsafeBufferPointer { UTF8Order.compare($0, bytes) == 0 }
        }
        return Int(tape[index].length) == bytes.count && UTF8Order.compare(text(at: index), bytes) == 0
    }

    /// The entry of the value under a key of the object at `index`; of duplicate keys the last wins.
    func valueIndex(under key: UnsafeBufferPointer<UInt8>, inObjectAt index: Int) -> Int? {
        let isUnique = tape[index].flags.contains(.sorted)
        let end = Int(tape[index].next)
        var found: Int?
        var at = index &+ 1
        while at < end {
            if string(at: at, equals: key) {
                found = at &+ 1
                if isUnique { break }
            }
            at = Int(tape[at &+ 1].next)
        }
        return found
    }

    /// How many elements an array has, or members an object (duplicate keys counted each time).
    func childCount(at index: Int) -> Int {
        let isObject = tape[index].kind == .object
        let end = Int(tape[index].next)
        var count = 0
        var at = index &+ 1
        while at < end {
            at = Int(tape[isObject ? at &+ 1 : at].next)
            count &+= 1
        }
        return count
    }

    /// Visits the entries of the keys of the object at `index`, in canonical order and each key once.
    @inline(always)
    func forEachKey(ofObjectAt index: Int, _ body: (_ key: Int) -> Void) {
        if tape[index].flags.contains(.sorted) {
            let end = Int(tape[index].next)
            var at = index &+ 1
            while at < end {
                body(at)
                at = Int(tape[at &+ 1].next)
            }
            return
        }
        let count = childCount(at: index)
        withUnsafeTemporaryAllocation(of: SortedKey.self, capacity: count) { keys in
            sortKeys(ofObjectAt: index, into: keys)
            for place in 0..<count {
                let key = keys[place].index
                // Equal keys stand in the order of the text, and the last wins.
                if place &+ 1 < count, keys[place].prefix == keys[place &+ 1].prefix,
                    compareKeys(key, keys[place &+ 1].index) == 0
                {
                    continue
                }
                body(key)
            }
        }
    }

    private func sortKeys(ofObjectAt index: Int, into keys: UnsafeMutableBufferPointer<SortedKey>) {
        var at = index &+ 1
        for place in 0..<keys.count {
            keys.initializeElement(at: place, to: SortedKey(prefix: prefix(at: at), index: at))
            at = Int(tape[at &+ 1].next)
        }
        if keys.count > 24 {
            var sorting = keys
            sorting.sort(by: precedes)
            return
        }
        for place in 1..<max(keys.count, 1) {
            let moving = keys[place]
            var hole = place
            while hole > 0, precedes(moving, keys[hole &- 1]) {
                keys[hole] = keys[hole &- 1]
                hole &-= 1
            }
            keys[hole] = moving
        }
    }

    @inline(always)
    private func precedes(_ one: SortedKey, _ other: SortedKey) -> Bool {
        if one.prefix != other.prefix { return one.prefix < other.prefix }
        let comparison = compareKeys(one.index, other.index)
        return comparison == 0 ? one.index < other.index : comparison < 0
    }

    /// The first eight resolved bytes of a key as a number that sorts as they do; shorter keys are padded with zeros.
    @inline(always)
    private func prefix(at index: Int) -> UInt64 {
        let entry = tape[index]
        if !entry.flags.contains(.escaped) {
            return UTF8Order.prefix(of: source, at: Int(entry.start), length: Int(entry.length))
        }
        var reading = EscapedText(text(at: index))
        var prefix: UInt64 = 0
        for _ in 0..<8 { prefix = prefix << 8 | UInt64(reading.next() ?? 0) }
        return prefix
    }

    // MARK: Trees

    /// The value at `index` as a tree.
    func value(at index: Int) -> JSONValue {
        switch tape[index].kind {
        case .null: return .null
        case .false: return .bool(false)
        case .true: return .bool(true)
        case .integer: return .integer(integer(at: index))
        case .double: return .double(double(at: index))
        case .string: return .string(string(at: index))
        case .array:
            var elements: [JSONValue] = []
            elements.reserveCapacity(childCount(at: index))
            let end = Int(tape[index].next)
            var at = index &+ 1
            while at < end {
                elements.append(value(at: at))
                at = Int(tape[at].next)
            }
            return .array(elements)
        case .object: return .object(object(at: index))
        }
    }

    /// The object at `index` as a tree.
    func object(at index: Int) -> JSONObject {
        var members: [JSONObject.Member] = []
        members.reserveCapacity(childCount(at: index))
        forEachKey(ofObjectAt: index) { key in
            members.append(JSONObject.Member(key: string(at: key), value: value(at: key &+ 1)))
        }
        return JSONObject(sortedMembers: members)
    }
}
