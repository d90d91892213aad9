import KeyValueStore

/// Writes with random keys that wait for the end of a batch, to be made in key order: neighbours then share pages.
struct PendingPuts {
    /// How the three numbers become key and value.
    enum Shape {
        /// Key: two numbers of 64 bits; no value.
        case keyOnly
        /// Key: a number of 32 bits and one of 64; value: a byte and a number of 32 bits.
        case timeline
    }

    private struct Entry {
        let high: UInt64
        let low: UInt64
        let value: UInt64
    }

    private let shape: Shape
    private var entries: [Entry] = []

    init(_ shape: Shape) {
        self.shape = shape
    }

    mutating func removeAll() {
        entries.removeAll(keepingCapacity: entries.count <= 65_536)
    }

    mutating func append(_ high: UInt64, _ low: UInt64, _ value: UInt64 = 0) {
        entries.append(Entry(high: high, low: low, value: value))
    }

    /// Writes what waits. Of equal keys the greatest value stays, which is the latest position.
    mutating func flush(_ table: StoreTable, _ transaction: borrowing WriteTransaction) throws {
        guard !entries.isEmpty else { return }
        entries.sort { left, right in
            if left.high != right.high { return left.high < right.high }
            if left.low != right.low { return left.low < right.low }
            return left.value < right.value
        }
        for entry in entries {
            switch shape {
            case .keyOnly:
                try transaction.put(table, StoreKey(entry.high).appending(entry.low), StoreKey())
            case .timeline:
                try transaction.put(
                    table,
                    StoreKey().appending(UInt32(truncatingIfNeeded: entry.high)).appending(entry.low),
                    StoreKey().appending(UInt8(truncatingIfNeeded: entry.value >> 32))
                        .appending(UInt32(truncatingIfNeeded: entry.value))
                )
            }
        }
        removeAll()
    }
}
