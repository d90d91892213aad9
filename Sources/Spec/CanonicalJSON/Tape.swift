/// The memory of a scanned text's entries.
///
/// Whoever scans frees it; the entries do not change afterwards.
struct Tape {
    let entries: UnsafeMutablePointer<TapeEntry>
    let count: Int
    /// Whether there may be doubles: only they can have a canonical form longer than their token.
    let mayHaveDoubles: Bool

    /// Frees the entries.
    func deallocate() { entries.deallocate() }

    /// The entries, borrowed.
    @inline(always)
    var buffer: UnsafeBufferPointer<TapeEntry> { UnsafeBufferPointer(start: entries, count: count) }
}
