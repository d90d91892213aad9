/// A string with a checked grammar, compared and hashed by its UTF-8 bytes.
///
/// `String ==` follows Unicode canonical equivalence; two identifiers that differ in their bytes are two identifiers.
package protocol MatrixIdentifier: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The identifier as it stands on the wire.
    var rawValue: String { get }

    /// Parses an identifier as it stands on the wire.
    init(parsing string: String) throws(IdentifierError)
}

extension MatrixIdentifier {
    /// Parses an identifier; nil when it is not valid.
    package init?(_ string: String) {
        do throws(IdentifierError) {
            try self.init(parsing: string)
        } catch {
            return nil
        }
    }

    package static func == (left: Self, right: Self) -> Bool {
        IdentifierBytes.equal(left.rawValue, right.rawValue)
    }

    package static func < (left: Self, right: Self) -> Bool {
        IdentifierBytes.compare(left.rawValue, right.rawValue) < 0
    }

    package func hash(into hasher: inout Hasher) {
        rawValue.withIdentifierBytes { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        hasher.combine(0xFF as UInt8)
    }

    package var description: String { rawValue }
}
