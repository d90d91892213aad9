extension String {
    /// Whether both strings have the same UTF-8 bytes.
    ///
    /// `==` follows Unicode canonical equivalence, by which strings of different bytes can be equal: event types, state
    /// keys and identifiers must not be compared so.
    package func hasSameBytes(as other: String) -> Bool {
        utf8.count == other.utf8.count && utf8.elementsEqual(other.utf8)
    }
}
