/// The parts of the grammar that several identifiers share, judged on UTF-8 bytes.
enum IdentifierBytes {
    /// "The length of a user ID, including the `@` sigil and the domain, MUST NOT exceed 255 bytes", and likewise the others.
    static let maxCount = 255

    static let colon = UInt8(ascii: ":")

    /// Checks what all identifiers have in common: some length, not too much of it, and no NUL.
    static func checkText(_ string: String, _ subject: IdentifierError.Subject) throws(IdentifierError) {
        let count = string.utf8.count
        guard count > 0 else { throw IdentifierError(subject, .empty) }
        guard count <= maxCount else { throw IdentifierError(subject, .tooLong) }
        guard !string.utf8.contains(0) else { throw IdentifierError(subject, .containsNUL) }
    }

    /// Checks the common format `&string` and returns the offset of the first colon, if there is one.
    static func checkSigil(
        _ sigil: Unicode.Scalar, of string: String, _ subject: IdentifierError.Subject
    ) throws(IdentifierError) -> String.Index? {
        try checkText(string, subject)
        guard string.utf8.first == UInt8(ascii: sigil) else { throw IdentifierError(subject, .wrongSigil) }
        // "any legal non-surrogate Unicode code points except for `:`": the first colon ends the localpart.
        guard let colon = string.utf8.firstIndex(of: self.colon) else { return nil }
        guard ServerName.isValid(string[string.utf8.index(after: colon)...]) else {
            throw IdentifierError(subject, .invalidServerName)
        }
        return colon
    }

    /// What stands behind the sigil; not `dropFirst`, which would take a combining mark along with the sigil.
    static func withoutSigil(_ string: String) -> Substring {
        string[(string.utf8.indices.dropFirst().first ?? string.endIndex)...]
    }

    /// What stands between the sigil and the first colon, or the end.
    static func localpart(of string: String) -> String {
        let rest = withoutSigil(string)
        return String(rest[..<(rest.utf8.firstIndex(of: colon) ?? rest.endIndex)])
    }

    /// What stands behind the first colon.
    static func serverName(of string: String) -> ServerName? {
        guard let colon = string.utf8.firstIndex(of: self.colon) else { return nil }
        return ServerName(validated: String(string[string.utf8.index(after: colon)...]))
    }

    /// Negative, zero or positive as `left` sorts before, equals or sorts behind `right` by bytes.
    static func compare(_ left: String, _ right: String) -> Int {
        left.withIdentifierBytes { one in
            right.withIdentifierBytes { other in
                for index in 0..<min(one.count, other.count) where one[index] != other[index] {
                    return one[index] < other[index] ? -1 : 1
                }
                return one.count &- other.count
            }
        }
    }

    /// Whether two strings have the same bytes.
    static func equal(_ left: String, _ right: String) -> Bool {
        left.utf8.count == right.utf8.count && compare(left, right) == 0
    }
}

extension String {
    /// Lends the UTF-8 bytes, which are contiguous for every native string.
    @inline(__always)
    func withIdentifierBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        if let result = utf8.withContiguousStorageIfAvailable(body) { return result }
        var copy = self
        return copy.withUTF8(body)
    }
}
