import CLMDB

/// Properties a table is created with.
package struct TableFlags: OptionSet, Sendable {
    package let rawValue: UInt32

    package init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// One key may have several values, which are kept sorted and are at most 511 bytes each.
    package static let sortedDuplicates = TableFlags(rawValue: UInt32(MDB_DUPSORT))
}

/// An open table of one environment. It must not be used after the table was dropped.
package struct StoreTable: Sendable, Hashable {
    let index: MDB_dbi
    package let name: String
}

/// What a table takes up.
package struct TableUsage: Sendable, Hashable {
    package let entries: Int
    /// Branch, leaf and overflow pages.
    package let pages: Int
    package let pageBytes: Int

    package var bytes: Int { pages * pageBytes }
}
