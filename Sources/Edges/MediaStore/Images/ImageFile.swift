import Glibc

/// The bytes of a file that may be a picture, read in windows: header parsers look here and there and never load it whole.
struct ImageFile {
    private static let windowBytes = 64 << 10

    private let load: (Int64, Int) -> [UInt8]
    let length: Int64
    private var window: [UInt8] = []
    private var windowStart: Int64 = 0

    /// A file.
    init(descriptor: Int32, length: Int64) {
        self.length = length
        load = { offset, count in
            var bytes = [UInt8](repeating: 0, count: count)
            let got = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, count, off_t(offset)) }
            return Array(bytes.prefix(max(0, got)))
        }
    }

    /// Bytes in memory, for tests and for what was just downloaded.
    init(_ bytes: [UInt8]) {
        length = Int64(bytes.count)
        load = { offset, count in
            guard offset >= 0, offset < Int64(bytes.count) else { return [] }
            return Array(bytes[Int(offset)...].prefix(count))
        }
    }

    /// Bytes at a place; nil past the end.
    mutating func bytes(at offset: Int64, count: Int) -> [UInt8]? {
        guard offset >= 0, count >= 0, count <= Self.windowBytes, offset <= length - Int64(count) else { return nil }
        if offset < windowStart || offset + Int64(count) > windowStart + Int64(window.count) {
            windowStart = offset
            window = load(offset, Self.windowBytes)
        }
        let start = Int(offset - windowStart)
        guard start + count <= window.count else { return nil }
        return Array(window[start..<(start + count)])
    }

    mutating func byte(at offset: Int64) -> UInt8? { bytes(at: offset, count: 1)?.first }

    /// A number of 2 to 4 bytes, most significant first.
    mutating func big(at offset: Int64, count: Int) -> Int? {
        bytes(at: offset, count: count).map { $0.reduce(0) { $0 << 8 | Int($1) } }
    }

    /// The same, least significant first.
    mutating func little(at offset: Int64, count: Int) -> Int? {
        bytes(at: offset, count: count).map { $0.reversed().reduce(0) { $0 << 8 | Int($1) } }
    }

    mutating func has(_ text: String, at offset: Int64) -> Bool {
        bytes(at: offset, count: text.utf8.count).map { $0.elementsEqual(text.utf8) } ?? false
    }
}
