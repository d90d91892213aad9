/// One value of a scanned text: where it stands and where the next one begins.
///
/// The tape holds the values in the order of the text, each container before its contents; in an object keys and values
/// alternate. 16 bytes, so that a small PDU's tape fits the first-level cache.
struct TapeEntry {
    enum Kind: UInt8 {
        case null
        case `false`
        case `true`
        case integer
        case double
        case string
        case array
        case object
    }

    struct Flags: OptionSet {
        let rawValue: UInt8

        /// A string with at least one escape.
        static let escaped = Flags(rawValue: 1)
        /// The text of the value is its canonical form already.
        static let canonical = Flags(rawValue: 2)
        /// An object whose keys are strictly ascending, hence unique.
        static let sorted = Flags(rawValue: 4)
        /// The scanner's own mark of an open object.
        static let openObject = Flags(rawValue: 8)

        // The library's own `contains` is a generic call where it is not inlined.
        @inline(always)
        func contains(_ other: Flags) -> Bool { rawValue & other.rawValue != 0 }

        @inline(always)
        mutating func remove(_ other: Flags) { self = Flags(rawValue: rawValue & ~other.rawValue) }
    }

    /// The offset of the first byte, for a string of the first byte behind the quotation mark.
    var start: UInt32
    /// The number of bytes, for a string without the quotation marks.
    var length: UInt32
    /// The index of the entry behind this value and all it contains.
    var next: UInt32
    var kind: Kind
    var flags: Flags
}
