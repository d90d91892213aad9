/// The bounds a JSON text must keep before any of it is believed.
///
/// Every bound is checked while scanning, before memory is spent on what lies beyond it.
package struct JSONLimits: Hashable, Sendable {
    /// Which number tokens are accepted and what they become.
    package enum Numbers: Hashable, Sendable {
        /// Only integers in ±(2^53 - 1): "Numbers in the JSON must be integers in the range `[-(2**53)+1, (2**53)-1]`,
        /// represented without exponents or decimal places, and negative zero `-0` MUST NOT appear."
        case canonical
        /// As JavaScript: fractions, exponents and integers beyond ±(2^53 - 1) become doubles.
        case lenient
        /// As `lenient`, but every integer that fits 64 bits stays exact.
        ///
        /// "Events in room versions 1, 2, 3, 4, and 5 might not be fully compliant with these restrictions. […] The most
        /// notable consideration is that integers might not be in the range specified above."
        case historical
    }

    /// How many arrays and objects may be open at once.
    package var maxDepth: Int
    /// How many bytes the text may have.
    package var maxBytes: Int
    /// How many values, counting the keys of objects, the text may have.
    package var maxValues: Int
    /// Which number tokens are accepted.
    package var numbers: Numbers

    /// The deepest nesting any limit can allow: trees are walked by recursion, so this bounds the stack.
    package static let deepest = 512

    /// Creates limits; `maxDepth` is capped at ``deepest`` and `maxBytes` at what 32-bit offsets reach.
    package init(maxDepth: Int = 100, maxBytes: Int, maxValues: Int, numbers: Numbers) {
        self.maxDepth = maxDepth
        self.maxBytes = maxBytes
        self.maxValues = maxValues
        self.numbers = numbers
    }

    /// A request body of the client-server API.
    package static let clientBody = JSONLimits(maxBytes: 16 << 20, maxValues: 2 << 20, numbers: .lenient)
    /// One PDU on the wire; white space and `\u` escapes may make it longer than its canonical form of 65,536 bytes.
    package static let pdu = JSONLimits(maxBytes: 512 << 10, maxValues: 128 << 10, numbers: .canonical)
    /// One PDU of a room version that does not enforce canonical JSON.
    package static let historicalPDU = JSONLimits(maxBytes: 512 << 10, maxValues: 128 << 10, numbers: .historical)
    /// A request or response body of the server-server API; its PDUs are judged one by one afterwards.
    package static let federationBody = JSONLimits(maxBytes: 256 << 20, maxValues: 32 << 20, numbers: .historical)
    /// Bytes this server wrote itself.
    package static let stored = JSONLimits(maxBytes: 1 << 30, maxValues: 128 << 20, numbers: .historical)
}
