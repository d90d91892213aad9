import CLMDB
import Glibc

/// What a scrub has done.
package struct ScrubReport: Sendable, Equatable {
    /// Pages looked at.
    package var pagesRead = 0
    /// Pages that had something left in them, and have not any more.
    package var pagesCleaned = 0
    /// Freed pages that a long read still holds; scrub again when it has ended.
    package var pagesHeld = 0
}

extension StoreEnvironment {
    private static let pagesInSlice = 16_384

    /// Overwrites every byte of the file that no table uses: freed pages, the gaps in used ones, and what lies
    /// behind the last page.
    ///
    /// LMDB never overwrites a freed page until it needs it, and its pages in memory are used again without being
    /// cleared, so that old bytes come back in the gaps of new pages. Hence four steps: a reopening, which empties the
    /// stock of used pages in memory; two small commits, after which neither of the two meta pages needs what was
    /// freed before; a walk over the file, in slices between which writes go on; and a second look at pages that were
    /// held by a snapshot during the walk.
    ///
    /// - Parameter touch: makes some small change, so that there is something to commit.
    package func scrub(_ touch: (borrowing WriteTransaction, StoreKey) throws -> Void) throws -> ScrubReport {
        func commitTwice() throws {
            for round in 0..<2 as Range<UInt64> { try write { try touch($0, StoreKey(round)) } }
        }
        let isMapped = options.durability == .unsyncedMapped
        // A mapped store has no stock of pages in memory, and its tables may have been dropped.
        if !isMapped { try reopen() }
        try commitTwice()
        var report = ScrubReport()
        var held: [Int] = []
        func walk() throws {
            held = []
            var next: Int? = 2
            while let first = next {
                next = try withScrubber { try $0.clean(from: first, count: Self.pagesInSlice, &held, &report) }
            }
        }
        try walk()
        if isMapped {
            // There a held page that is used again keeps its old bytes in the gap: look at every page again.
            for _ in 0..<3 where !held.isEmpty {
                try commitTwice()
                try walk()
            }
            report.pagesHeld = held.count
            return report
        }
        for _ in 0..<3 where !held.isEmpty {
            try commitTwice()
            held = try withScrubber { try $0.cleanHeld(held, &report) }
        }
        report.pagesHeld = held.count
        return report
    }

    /// Cleans some pages with the writer kept out, and syncs.
    private func withScrubber<R>(_ body: (PageScrubber) throws -> R) throws -> R {
        try lockWriter("scrubbing")
        defer { unlockWriter() }
        return try read { transaction in
            var information = MDB_envinfo()
            mdb_env_info(environment, &information)
            var descriptor: Int32 = -1
            mdb_env_get_fd(environment, &descriptor)
            let scrubber = PageScrubber(
                descriptor: descriptor, path: directory, lastPage: information.me_last_pgno,
                pages: try freePages(transaction))
            let result = try body(scrubber)
            guard fdatasync(descriptor) == 0 else {
                let fault = StoreFault(result: errno, operation: "syncing", path: directory, whileCommitting: true)
                if fault.isFatal { writerState.pointee.fatalFault = fault }
                throw fault
            }
            return result
        }
    }

    /// The freed pages, each with whether a snapshot may still need it.
    ///
    /// The pages listed under commit T are needed by snapshots before T only. A crash may bring back the commit
    /// before the last, and readers hold their own.
    private func freePages(_ transaction: borrowing ReadTransaction) throws -> [Int: Bool] {
        let safe = min(oldestReader(), transaction.snapshotNumber &- 1)
        var pages: [Int: Bool] = [:]
        try transaction.forEach(StoreTable(index: 0, name: "free pages")) { key, value in
            guard key.count == 8, value.count >= 8 else { return true }
            let isHeld = UInt64(key.loadUnaligned(as: UInt.self)) > safe
            let count = value.loadUnaligned(as: Int.self)
            guard count >= 0, count < value.count / 8 else {
                throw StoreFault(code: .corrupt, operation: "reading the free pages", path: directory)
            }
            for index in 1..<(count + 1) {
                pages[value.loadUnaligned(fromByteOffset: index * 8, as: Int.self)] = isHeld
            }
            return true
        }
        return pages
    }

    /// The oldest snapshot that any process reads; our own read is among them.
    private func oldestReader() -> UInt64 {
        // Each line is "process thread snapshot", with "-" for a slot that reads nothing.
        var oldest = UInt64.max
        withUnsafeMutablePointer(to: &oldest) { oldest in
            _ = mdb_reader_list(
                environment,
                { line, context in
                    guard let line, let context else { return 0 }
                    let oldest = context.assumingMemoryBound(to: UInt64.self)
                    let words = String(cString: line).split { $0 == " " || $0 == "\n" }
                    if let last = words.last, let number = UInt64(last) { oldest.pointee = min(oldest.pointee, number) }
                    return 0
                }, UnsafeMutableRawPointer(oldest))
        }
        return oldest
    }
}
