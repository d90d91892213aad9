/// What a `Range` field asks of a body of a known length (RFC 9110, section 14).
package enum ByteRange: Sendable, Hashable {
    /// All of it: there is no such field, or one that need not be understood.
    case whole
    case part(Range<Int64>)
    case unsatisfiable

    /// Reads a field.
    ///
    /// > A server that supports range requests MAY ignore a Range header field […] with an invalid ranges-specifier,
    /// > […] with more than two overlapping ranges or a set of many small ranges
    ///
    /// More than one range is answered with the whole: no client of media asks for several.
    package init(field: String?, length: Int64) {
        guard let field, length >= 0, let spec = Self.singleRange(field) else {
            self = .whole
            return
        }
        switch (spec.first, spec.last) {
        case (.some(let first), let last):
            if let last, last < first {
                self = .whole
            } else if first >= length {
                self = .unsatisfiable
            } else {
                // > If the last-pos value […] is greater than or equal to the current length of the representation
                // > data, the byte range is interpreted as the remainder of the representation.
                self = .part(first..<(min(last ?? length - 1, length - 1) + 1))
            }
        case (nil, .some(let suffix)):
            // > If the selected representation is shorter than the specified suffix-length, the entire representation is
            // > used.
            self = suffix == 0 || length == 0 ? .unsatisfiable : .part((length - min(suffix, length))..<length)
        case (nil, nil): self = .whole
        }
    }

    private static func singleRange(_ field: String) -> (first: Int64?, last: Int64?)? {
        let text = field.utf8.drop { $0 == 0x20 }
        let unit = Array("bytes=".utf8)
        guard text.count > unit.count, zip(text, unit).allSatisfy({ $0 | 0x20 == $1 | 0x20 }) else { return nil }
        let rest = text.dropFirst(unit.count)
        guard let dash = rest.firstIndex(of: UInt8(ascii: "-")), !rest.contains(UInt8(ascii: ",")) else { return nil }
        let (first, last) = (number(rest[..<dash]), number(rest[rest.index(after: dash)...]))
        guard let first, let last else { return nil }
        return (first.value, last.value)
    }

    /// Nil for what is no number; a value of nil for nothing at all. Numbers past the range count as its end.
    private static func number(_ digits: Substring.UTF8View) -> (value: Int64?, Void)? {
        let trimmed = digits.drop { $0 == 0x20 }
        var value: Int64?
        var ended = false
        for digit in trimmed {
            if digit == 0x20 {
                ended = true
                continue
            }
            guard !ended, digit >= 0x30, digit <= 0x39 else { return nil }
            let (product, overflow) = (value ?? 0).multipliedReportingOverflow(by: 10)
            value = overflow || product > Int64.max - 9 ? Int64.max - 9 : product + Int64(digit - 0x30)
        }
        return (value, ())
    }
}
