/// A long JSON text in pieces, so that it never has to be copied to grow.
struct AnswerChunks {
    private static let size = 1 << 20

    private var full: [[UInt8]] = []
    private var last: [UInt8] = []

    /// Everything that was appended.
    var chunks: [[UInt8]] { last.isEmpty ? full : full + [last] }

    mutating func append(_ text: StaticString) {
        text.withUTF8Buffer { last.append(contentsOf: $0) }
    }

    mutating func append(_ bytes: [UInt8]) {
        if last.count + bytes.count > Self.size, !last.isEmpty {
            full.append(last)
            last = []
        }
        if last.isEmpty { last.reserveCapacity(max(bytes.count, full.isEmpty ? 1 << 14 : Self.size)) }
        last.append(contentsOf: bytes)
    }
}
