package import CanonicalJSON
package import RoomVersions

/// The reading of one level in an `m.room.power_levels` event.
package enum PowerLevelValue {
    /// The level that a JSON value stands for in a room version; nil when it stands for none.
    ///
    /// Strings and floats can mean numbers that no 64-bit integer holds. They stand for the highest or the lowest level:
    /// against every level that a room uses they compare as the number would.
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
        let scalars = text.unicodeScalars
        var rest = scalars[...]
        while let first = rest.first, first.properties.isWhitespace { rest = rest.dropFirst() }
        while let last = rest.last, last.properties.isWhitespace { rest = rest.dropLast() }
        var isNegative = false
        if let sign = rest.first, sign == "-" || sign == "+" {
            isNegative = sign == "-"
            rest = rest.dropFirst()
        }
        guard !rest.isEmpty else { return nil }
        let bound = isNegative ? Int64.min : Int64.max
        var result: Int64 = 0
        for scalar in rest {
            guard "0"..."9" ~= scalar else { return nil }
            // Behind the bound the digits are still looked at: a letter among them makes the text no level.
            guard result != bound else { continue }
            let digit = Int64(scalar.value &- 0x30)
            let (shifted, overflowed) = result.multipliedReportingOverflow(by: 10)
            let (sum, wrapped) = shifted.addingReportingOverflow(isNegative ? -digit : digit)
            result = overflowed || wrapped ? bound : sum
        }
        return result
    }

    /// "First, exponential notation is applied […]. Second, the value is truncated at the decimal point".
    ///
    /// "Values outside the range represented by IEE754 binary64 (a "double") cause the powerlevel event to be rejected, as
    /// do `Infinity`, `-Infinity` and `NaN`": the JSON parser does not let them in.
    private static func parse(_ number: Double) -> Int64? {
        guard number.isFinite else { return nil }
        // The conversion truncates, and traps beyond these bounds; `rounded` would need the math library.
        guard number >= -0x1p63 else { return .min }
        return number < 0x1p63 ? Int64(number) : .max
    }
}
