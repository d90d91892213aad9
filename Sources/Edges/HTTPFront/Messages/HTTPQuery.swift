/// The query of a request target. It is checked when the request is parsed and decoded when it is asked.
package struct HTTPQuery: Sendable {
    /// The query as it was sent, without the question mark.
    package let raw: String
    /// Whether there was a question mark, with or without anything behind it.
    package let isPresent: Bool

    /// No query.
    package init() {
        raw = ""
        isPresent = false
    }

    /// The query, or nil if an escape or the encoding in it is broken.
    package init?(_ raw: String) {
        self.raw = raw
        isPresent = true
        guard raw.utf8.contains(where: { $0 == UInt8(ascii: "%") || $0 == 0 || $0 >= 0x80 }) else { return }
        var valid = true
        Self.forEachPair(in: raw) { name, value in
            if PercentDecoding.decode(name, plus: .space) == nil || PercentDecoding.decode(value, plus: .space) == nil {
                valid = false
            }
            return valid
        }
        guard valid else { return nil }
    }

    package var isEmpty: Bool { raw.isEmpty }

    /// The first value of a parameter.
    package func first(_ name: String) -> String? {
        var found: String?
        forEachValue(of: name) { value in
            found = value
            return false
        }
        return found
    }

    /// All values of a parameter, in the order they were sent.
    package func all(_ name: String) -> [String] {
        var found: [String] = []
        forEachValue(of: name) { value in
            found.append(value)
            return true
        }
        return found
    }

    /// Every parameter with its value, decoded, in the order they were sent.
    package var pairs: [(name: String, value: String)] {
        var found: [(name: String, value: String)] = []
        Self.forEachPair(in: raw) { name, value in
            if let name = PercentDecoding.decode(name, plus: .space),
                let value = PercentDecoding.decode(value, plus: .space)
            {
                found.append((name, value))
            }
            return true
        }
        return found
    }

    private typealias Bytes = Slice<UnsafeBufferPointer<UInt8>>

    private func forEachValue(of wanted: String, _ body: (String) -> Bool) {
        guard !raw.isEmpty else { return }
        Self.forEachPair(in: raw) { name, value in
            guard let decodedName = PercentDecoding.decode(name, plus: .space),
                decodedName.utf8.elementsEqual(wanted.utf8),
                let decodedValue = PercentDecoding.decode(value, plus: .space)
            else { return true }
            return body(decodedValue)
        }
    }

    /// Calls `body` with the raw name and value of each parameter until it returns false.
    private static func forEachPair(in raw: String, _ body: (Bytes, Bytes) -> Bool) {
        var raw = raw
        raw.withUTF8 { bytes in
            var start = bytes.startIndex
            while start < bytes.endIndex {
                let end = bytes[start...].firstIndex(of: UInt8(ascii: "&")) ?? bytes.endIndex
                let part = bytes[start..<end]
                if !part.isEmpty {
                    let goesOn: Bool
                    if let equals = part.firstIndex(of: UInt8(ascii: "=")) {
                        goesOn = body(part[..<equals], part[part.index(after: equals)...])
                    } else {
                        goesOn = body(part, part[part.endIndex...])
                    }
                    if !goesOn { return }
                }
                guard end < bytes.endIndex else { return }
                start = bytes.index(after: end)
            }
        }
    }
}
