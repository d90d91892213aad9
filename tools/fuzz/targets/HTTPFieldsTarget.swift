internal import ClientAPI
internal import HTTPFront

/// Lines: a `Range` field, a length, a request target, the name of a file, the type of a file.
enum HTTPFieldsTarget {
    @Sendable static func defect(_ input: [UInt8]) -> String? {
        let lines = input.split(separator: UInt8(ascii: "\n"), maxSplits: 4, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
        let length = lines.count > 1 ? max(0, Int64(lines[1]) ?? 1000) : 1000
        if case .part(let range) = ByteRange(field: lines[0], length: length),
            range.isEmpty || range.lowerBound < 0 || range.upperBound > length
        {
            return "the range \(range) of \(length)"
        }
        if lines.count > 2, let defect = targetDefect(lines[2]) { return defect }
        if lines.count > 3 { return dispositionDefect(lines[3], type: lines.count > 4 ? lines[4] : "image/png") }
        return nil
    }

    private static func targetDefect(_ text: String) -> String? {
        guard let target = RequestTarget(text) else { return nil }
        if target.segments.isEmpty || target.segments.count > RequestTarget.maxSegments { return "so many segments" }
        if target.segments.contains(where: { $0.utf8.contains(0) }) { return "a NUL in the path" }
        let pairs = target.query.pairs
        for (name, value) in pairs {
            if name.utf8.contains(0) || value.utf8.contains(0) { return "a NUL in the query" }
            let first = pairs.first { $0.name.utf8.elementsEqual(name.utf8) }?.value ?? ""
            guard let found = target.query.first(name), found.utf8.elementsEqual(first.utf8) else {
                return "the first is not the first"
            }
            if target.query.all(name).count != pairs.count(where: { $0.name.utf8.elementsEqual(name.utf8) }) {
                return "all are not all"
            }
        }
        return nil
    }

    private static func dispositionDefect(_ name: String, type: String) -> String? {
        let field = MediaHeaders.disposition(contentType: type, fileName: name)
        guard field.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else { return "a byte that no field may have" }
        guard let start = field.firstIndex(of: "\"") else { return nil }
        // Read as a browser reads it, the quoted name is the name.
        var read: [UInt8] = []
        var rest = field[field.index(after: start)...].utf8
        while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
            if byte == UInt8(ascii: "\\") {
                guard let next = rest.popFirst() else { return "nothing is escaped" }
                read.append(next)
            } else {
                read.append(byte)
            }
        }
        return rest.isEmpty && read.elementsEqual(name.utf8) ? nil : "the name is another: \(field)"
    }
}
