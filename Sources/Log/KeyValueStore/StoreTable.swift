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
