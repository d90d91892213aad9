import CanonicalJSON

/// An event type of a filter: "A `*` can be used as a wildcard to match any sequence of characters."
///
/// It is kept as it stands inside a rendered event, JSON escapes and all, so that stored bytes are compared unparsed.
struct TypePattern: Sendable, Hashable {
    /// What stands between the asterisks; one part means no asterisk.
    private let parts: [[UInt8]]

    init(_ text: String) {
        parts = escapedText(text).split(separator: UInt8(ascii: "*"), omittingEmptySubsequences: false).map(Array.init)
    }

    /// Whether the type, in its escaped form, matches.
    func matches(_ type: UnsafeRawBufferPointer) -> Bool {
        guard let first = parts.first, let last = parts.last else { return false }
        guard parts.count > 1 else { return type.elementsEqual(first) }
        guard type.count >= first.count + last.count, type.starts(with: first) else { return false }
        guard type.suffix(last.count).elementsEqual(last) else { return false }
        var at = first.count
        let end = type.count - last.count
        for part in parts.dropFirst().dropLast() {
            guard let found = Self.find(part, in: type, from: at, to: end) else { return false }
            at = found + part.count
        }
        return true
    }

    private static func find(_ part: [UInt8], in text: UnsafeRawBufferPointer, from: Int, to end: Int) -> Int? {
        var at = from
        while at + part.count <= end {
            if text[at..<(at + part.count)].elementsEqual(part) { return at }
            at += 1
        }
        return nil
    }
}

/// A text as it stands between the quotation marks of canonical JSON.
func escapedText(_ text: String) -> [UInt8] {
    var writer = JSONWriter(capacity: text.utf8.count + 8)
    writer.string(text)
    return Array(writer.bytes.dropFirst().dropLast())
}
