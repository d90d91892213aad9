/// The target of a request line, taken apart.
package struct RequestTarget {
    /// Percent-encoded, without the query.
    package let rawPath: String
    /// Decoded one by one.
    package let segments: [String]
    package let query: HTTPQuery

    /// More segments than any route has; what has more is unknown anyway.
    package static let maxSegments = 32

    /// Nil if an escape or the encoding is broken, or if the target names no path.
    package init?(_ uri: String) {
        var uri = uri
        let parsed = uri.withUTF8 { bytes -> (path: String, segments: [String], query: String?)? in
            guard let start = Self.pathStart(in: bytes) else { return nil }
            let target = bytes[start...]
            let end = target.firstIndex { $0 == UInt8(ascii: "?") || $0 == UInt8(ascii: "#") } ?? bytes.endIndex
            guard let segments = Self.segments(of: bytes[start..<end]) else { return nil }
            let path = String(decoding: bytes[start..<end], as: UTF8.self)
            guard end < bytes.endIndex, bytes[end] == UInt8(ascii: "?") else { return (path, segments, nil) }
            let rest = bytes[(end + 1)...]
            let queryEnd = rest.firstIndex(of: UInt8(ascii: "#")) ?? bytes.endIndex
            return (path, segments, String(decoding: bytes[(end + 1)..<queryEnd], as: UTF8.self))
        }
        guard let parsed else { return nil }
        rawPath = parsed.path
        segments = parsed.segments
        if let raw = parsed.query {
            guard let query = HTTPQuery(raw) else { return nil }
            self.query = query
        } else {
            query = HTTPQuery()
        }
    }

    /// Where the path begins: at once, or after the authority of an absolute target.
    private static func pathStart(in bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        guard let first = bytes.first else { return nil }
        // "*" is the target of an OPTIONS request for the server as a whole.
        if first == UInt8(ascii: "/") || (first == UInt8(ascii: "*") && bytes.count == 1) { return 0 }
        for scheme in ["http://", "https://"] where bytes.starts(with: scheme.utf8, by: { $0 | 0x20 == $1 | 0x20 }) {
            return bytes[scheme.utf8.count...].firstIndex(of: UInt8(ascii: "/"))
        }
        return nil
    }

    private static func segments(of path: Slice<UnsafeBufferPointer<UInt8>>) -> [String]? {
        var segments: [String] = []
        segments.reserveCapacity(8)
        var start = path.startIndex
        if start < path.endIndex, path[start] == UInt8(ascii: "/") { start += 1 }
        while true {
            let end = path[start...].firstIndex(of: UInt8(ascii: "/")) ?? path.endIndex
            guard segments.count < maxSegments, let segment = PercentDecoding.decode(path[start..<end], plus: .literal)
            else { return nil }
            segments.append(segment)
            guard end < path.endIndex else { return segments }
            start = end + 1
        }
    }
}
