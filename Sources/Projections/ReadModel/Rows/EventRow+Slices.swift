package import KeyValueStore

extension EventRow {
    private static let eventIDStart = 13  // after `{"event_id":"`
    private static let betweenIDAndType = 10  // `","type":"`

    /// The event id between its quotes, escapes unresolved; empty when the row is damaged.
    package var eventIDSlice: UnsafeRawBufferPointer { quoted(from: Self.eventIDStart) }

    /// The event type between its quotes, escapes unresolved; empty when the row is damaged.
    package var typeSlice: UnsafeRawBufferPointer {
        quoted(from: Self.eventIDStart + eventIDSlice.count + Self.betweenIDAndType)
    }

    package func eventID() throws(ByteFault) -> String { try Self.unescaped(eventIDSlice) }
    package func type() throws(ByteFault) -> String { try Self.unescaped(typeSlice) }

    package func hasEventID(_ eventID: String) -> Bool { Self.equal(eventIDSlice, eventID) }
    package func hasType(_ type: String) -> Bool { Self.equal(typeSlice, type) }

    private func quoted(from start: Int) -> UnsafeRawBufferPointer {
        guard start < clientJSON.count else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        var end = start
        while end < clientJSON.count, clientJSON[end] != UInt8(ascii: "\"") {
            end += clientJSON[end] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard end < clientJSON.count else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(rebasing: clientJSON[start..<end])
    }

    private static func equal(_ slice: UnsafeRawBufferPointer, _ text: String) -> Bool {
        var copy = text
        let plain = copy.withUTF8 { $0.count == slice.count && $0.elementsEqual(slice) }
        if plain { return !slice.contains(UInt8(ascii: "\\")) }
        guard slice.contains(UInt8(ascii: "\\")) else { return false }
        do throws(ByteFault) {
            return try unescaped(slice).utf8.elementsEqual(text.utf8)
        } catch {
            return false
        }
    }

    /// Resolves the escapes that canonical JSON writes: `\"`, `\\`, `\b`, `\t`, `\n`, `\f`, `\r` and `\u00xx`.
    private static func unescaped(_ slice: UnsafeRawBufferPointer) throws(ByteFault) -> String {
        guard slice.contains(UInt8(ascii: "\\")) else { return try ByteReader.string(slice) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(slice.count)
        var index = 0
        while index < slice.count {
            let byte = slice[index]
            index += 1
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            guard index < slice.count else { throw .truncated }
            let escape = slice[index]
            index += 1
            switch escape {
            case UInt8(ascii: "b"): bytes.append(0x08)
            case UInt8(ascii: "t"): bytes.append(0x09)
            case UInt8(ascii: "n"): bytes.append(0x0a)
            case UInt8(ascii: "f"): bytes.append(0x0c)
            case UInt8(ascii: "r"): bytes.append(0x0d)
            case UInt8(ascii: "u"):
                guard slice.count - index >= 4,
                    let digits = String(validating: slice[index..<(index + 4)], as: UTF8.self),
                    let scalar = UInt8(digits, radix: 16)
                else { throw .invalidText }
                bytes.append(scalar)
                index += 4
            default: bytes.append(escape)
            }
        }
        return try bytes.withStoreBytes { (buffer: UnsafeRawBufferPointer) throws(ByteFault) -> String in
            try ByteReader.string(buffer)
        }
    }
}
