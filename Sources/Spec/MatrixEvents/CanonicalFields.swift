/// Where the values of an event's members stand in its canonical bytes.
///
/// Finds the members by skipping over values without building anything, which is what rendering a stored event needs.
/// The bytes must be canonical JSON as the log holds it; on anything else members are missing or cut wrong, but no access
/// leaves the bytes.
package struct CanonicalFields: Sendable {
    package private(set) var content: Range<Int>?
    package private(set) var originServerTS: Range<Int>?
    package private(set) var redacts: Range<Int>?
    package private(set) var roomID: Range<Int>?
    package private(set) var sender: Range<Int>?
    package private(set) var stateKey: Range<Int>?
    package private(set) var type: Range<Int>?

    /// Scans the members of the object on the top level.
    package init(scanning bytes: [UInt8]) {
        let found = bytes.withUnsafeBufferPointer { buffer in
            var cursor = Cursor(bytes: buffer, position: 0)
            return CanonicalFields(cursor: &cursor)
        }
        self = found
    }

    /// Scans the members of an object inside of a larger text; ranges count from the start of that text.
    package init(scanning bytes: [UInt8], objectAt start: Int) {
        let found = bytes.withUnsafeBufferPointer { buffer in
            var cursor = Cursor(bytes: buffer, position: max(0, start))
            return CanonicalFields(cursor: &cursor)
        }
        self = found
    }

    private init(cursor: inout Cursor) {
        guard cursor.take(UInt8(ascii: "{")) else { return }
        while let key = cursor.takeString() {
            guard cursor.take(UInt8(ascii: ":")), let value = cursor.takeValue() else { return }
            note(value, under: cursor.bytes[key])
            guard cursor.take(UInt8(ascii: ",")) else { return }
        }
    }

    private mutating func note(_ value: Range<Int>, under quotedKey: Slice<UnsafeBufferPointer<UInt8>>) {
        // The length of the quoted key tells most members apart, and spares the comparison for the others.
        switch quotedKey.count {
        case 6 where Self.matches(quotedKey, "\"type\""): type = value
        case 8 where Self.matches(quotedKey, "\"sender\""): sender = value
        case 9 where Self.matches(quotedKey, "\"content\""): content = value
        case 9 where Self.matches(quotedKey, "\"room_id\""): roomID = value
        case 9 where Self.matches(quotedKey, "\"redacts\""): redacts = value
        case 11 where Self.matches(quotedKey, "\"state_key\""): stateKey = value
        case 18 where Self.matches(quotedKey, "\"origin_server_ts\""): originServerTS = value
        default: break
        }
    }

    @inline(__always)
    private static func matches(_ bytes: Slice<UnsafeBufferPointer<UInt8>>, _ text: StaticString) -> Bool {
        text.withUTF8Buffer { $0.elementsEqual(bytes) }
    }

    /// Walks over JSON values.
    private struct Cursor {
        let bytes: UnsafeBufferPointer<UInt8>
        var position: Int

        mutating func take(_ byte: UInt8) -> Bool {
            guard position < bytes.count, bytes[position] == byte else { return false }
            position &+= 1
            return true
        }

        /// Takes a string with its quotation marks.
        mutating func takeString() -> Range<Int>? {
            let start = position
            guard take(UInt8(ascii: "\"")) else { return nil }
            while position < bytes.count {
                let byte = bytes[position]
                position &+= 1
                if byte == UInt8(ascii: "\"") { return start..<position }
                if byte == UInt8(ascii: "\\") { position &+= 1 }
            }
            position = min(position, bytes.count)
            return nil
        }

        mutating func takeValue() -> Range<Int>? {
            let start = position
            guard position < bytes.count else { return nil }
            switch bytes[position] {
            case UInt8(ascii: "\""): return takeString()
            case UInt8(ascii: "{"), UInt8(ascii: "["): return takeNested()
            default:
                while position < bytes.count {
                    let byte = bytes[position]
                    if byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") { break }
                    position &+= 1
                }
                return start..<position
            }
        }

        private mutating func takeNested() -> Range<Int>? {
            let start = position
            var depth = 0
            while position < bytes.count {
                switch bytes[position] {
                case UInt8(ascii: "\""):
                    guard takeString() != nil else { return nil }
                    continue
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth &+= 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"): depth &-= 1
                default: break
                }
                position &+= 1
                if depth == 0 { return start..<position }
            }
            return nil
        }
    }
}
