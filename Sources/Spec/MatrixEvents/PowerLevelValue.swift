package import CanonicalJSON
package import RoomVersions

/// The reading of one level in an `m.room.power_levels` event.
package enum PowerLevelValue {
    /// The level that a JSON value stands for in a room version; nil when it stands for none.
    package static func parse(_ value: JSONValue, version: RoomVersion) -> Int64? {
        switch value {
        case .integer(let level): level
        case .string(let text) where version.stringPowerLevels: parse(text)
        case .double(let number) where version.floatPowerLevels: parse(number)
        default: nil
        }
    }

    /// "a single base 10 integer, no float values or decimal points, optionally with any number of leading zeroes […];
    /// optionally prefixed with a single `-` or `+` character […]; optionally with any number of leading or trailing
    /// whitespace characters"
    private static func parse(_ text: String) -> Int64? {
        var rest = text.utf8[...]
        while let first = rest.first, isWhitespace(first) { rest = rest.dropFirst() }
        while let last = rest.last, isWhitespace(last) { rest = rest.dropLast() }
        var isNegative = false
        if let sign = rest.first, sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") {
            isNegative = sign == UInt8(ascii: "-")
            rest = rest.dropFirst()
        }
        guard !rest.isEmpty else { return nil }
        var result: Int64 = 0
        for byte in rest {
            guard UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte else { return nil }
            let digit = Int64(byte &- UInt8(ascii: "0"))
            let (shifted, overflowed) = result.multipliedReportingOverflow(by: 10)
            let (sum, wrapped) = shifted.addingReportingOverflow(isNegative ? -digit : digit)
            guard !overflowed, !wrapped else { return nil }
            result = sum
        }
        return result
    }

    /// "the value is truncated at the decimal point"; what no 64-bit integer holds is no level.
    private static func parse(_ number: Double) -> Int64? {
        // The conversion truncates, and traps beyond these bounds; not-a-number fails both comparisons.
        guard number >= -0x1p63, number < 0x1p63 else { return nil }
        return Int64(number)
    }

    private static func isWhitespace(_ byte: UInt8) -> Bool {
        byte == 0x20 || 0x09...0x0D ~= byte
    }
}
