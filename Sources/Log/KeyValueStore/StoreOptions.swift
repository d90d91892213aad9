/// How an environment is opened.
package struct StoreOptions: Sendable {
    /// When a committed write is safe.
    package enum Durability: Sendable {
        /// Every commit is synced: a commit that returned survives a power failure.
        case synced
        /// Commits are not synced. A power failure may damage the file, so only what can be rebuilt may use it.
        case unsynced
        /// As `unsynced`, and pages are changed in the memory map instead of written by a system call each: several times
        /// quicker for small commits. A write is refused while the disk is nearly full, because a page that cannot be
        /// allocated would end the process. The file has the size of the map but takes up only what is used.
        case unsyncedMapped
    }

    /// The size of the memory map at the start, in bytes. It is virtual and sparse, and grows without a restart.
    package var mapSize: Int
    /// The largest size the map may grow to, in bytes.
    package var maxMapSize: Int
    /// How many tables may be open at once.
    package var maxTables: Int
    /// How many read transactions may exist at once, over all processes.
    package var maxReaders: Int
    package var durability: Durability
    /// Opens for reading only, beside a writer in another process.
    package var readOnly: Bool
    /// Turns off the operating system's read-ahead, which helps when the file is larger than memory.
    package var randomAccess: Bool

    package init(
        mapSize: Int = 256 << 20,
        maxMapSize: Int = 8 << 40,
        maxTables: Int = 64,
        maxReaders: Int = 512,
        durability: Durability = .synced,
        readOnly: Bool = false,
        randomAccess: Bool = false
    ) {
        self.mapSize = mapSize
        self.maxMapSize = max(mapSize, maxMapSize)
        self.maxTables = maxTables
        self.maxReaders = maxReaders
        self.durability = durability
        self.readOnly = readOnly
        self.randomAccess = randomAccess
    }
}

/// How full an environment is.
package struct StoreUsage: Sendable, Equatable {
    /// The size of the memory map.
    package var mapBytes: Int
    /// The size of a page.
    package var pageBytes: Int
    /// Pages up to the highest one ever used.
    package var usedPages: Int
    /// Pages among the used ones that are free to be used again.
    package var freePages: Int
    /// Reader slots in use, over all processes.
    package var readers: Int
    /// The number of the last committed write.
    package var lastTransaction: UInt64
    /// The size of the data file on disk.
    package var fileBytes: Int

    package var usedBytes: Int { usedPages * pageBytes }
    package var freeBytes: Int { freePages * pageBytes }
}
