import Glibc

/// Whether a store's file still has all its pages.
///
/// LMDB does not look: it maps the file, and the first access behind a truncated end kills the process. Pages that are
/// free may lie behind the end of a whole file, for LMDB never writes a page that a transaction took and gave back.
///
/// Of the format (version 1) this reads: the meta pages 0 and 1 (page size at 40, root of the tree of free pages at 80, last
/// page number at 136, transaction number at 144), and the pages of that tree.
struct StoreFileLength {
    private let descriptor: Int32
    private let filePages: UInt64
    private let fileBytes: UInt64
    private static let pageBytes = StoreEnvironment.pageBytes
    private static let magic: UInt32 = 0xBEEF_C0DE
    private static let noPage = UInt64.max

    private struct Meta {
        var pageBytes: UInt32
        var freeRoot: UInt64
        var lastPage: UInt64
        var transaction: UInt64
    }

    /// - Throws: a fault of code `corrupt` that says how much is missing.
    static func check(directory: String) throws(StoreFault) {
        let descriptor = open(directory + "/data.mdb", O_RDONLY | O_CLOEXEC)
        // A store that is not there yet, or may not be read, is LMDB's to judge; so is a file without meta pages.
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var missing: (has: UInt64, needs: UInt64)?
        // A writer beside us may change the pages while they are looked at: a fault must show three times.
        for _ in 0..<3 {
            guard let file = StoreFileLength(descriptor), let meta = file.newestMeta() else { return }
            // LMDB divides by the page size without a look at it.
            guard meta.pageBytes >= 512, meta.pageBytes.nonzeroBitCount == 1 else {
                throw StoreFault(code: .corrupt, operation: "reading the first page of data.mdb", path: directory)
            }
            guard Int(meta.pageBytes) == pageBytes else { return }
            // Measured after the meta page was read, for data is written before it.
            guard let measured = StoreFileLength(descriptor) else { return }
            guard measured.filePages <= meta.lastPage else { return }
            if measured.missesOnlyFreePages(meta) { return }
            missing = (measured.fileBytes, (meta.lastPage &+ 1) &* UInt64(pageBytes))
        }
        guard let missing else { return }
        throw StoreFault(
            code: .corrupt, operation: "reading data.mdb, truncated to \(missing.has) of \(missing.needs) bytes,",
            path: directory)
    }

    private init?(_ descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_size >= 2 * Self.pageBytes else { return nil }
        self.descriptor = descriptor
        fileBytes = UInt64(status.st_size)
        filePages = fileBytes / UInt64(Self.pageBytes)
    }

    private func newestMeta() -> Meta? {
        var newest: Meta?
        for page in 0..<2 as Range<UInt64> {
            guard let bytes = read(page) else { continue }
            let meta: Meta? = bytes.withUnsafeBytes { raw in
                guard raw.loadUnaligned(fromByteOffset: 16, as: UInt32.self) == Self.magic else { return nil }
                return Meta(
                    pageBytes: raw.loadUnaligned(fromByteOffset: 40, as: UInt32.self),
                    freeRoot: raw.loadUnaligned(fromByteOffset: 80, as: UInt64.self),
                    lastPage: raw.loadUnaligned(fromByteOffset: 136, as: UInt64.self),
                    transaction: raw.loadUnaligned(fromByteOffset: 144, as: UInt64.self))
            }
            if let meta, newest.map({ $0.transaction < meta.transaction }) ?? true { newest = meta }
        }
        return newest
    }

    private func missesOnlyFreePages(_ meta: Meta) -> Bool {
        // More than a gigabyte of free pages behind the end is no accident of one transaction.
        guard meta.lastPage - filePages < 1 << 18 else { return false }
        var missing = Set(filePages...meta.lastPage)
        var waiting = meta.freeRoot == Self.noPage ? [] : [meta.freeRoot]
        var visited: Set<UInt64> = []
        while let page = waiting.popLast() {
            guard visited.insert(page).inserted, let bytes = read(page) else { return false }
            let isWhole = bytes.withUnsafeBytes { visit($0, &waiting, &missing) }
            guard isWhole else { return false }
        }
        return missing.isEmpty
    }

    /// Looks at one page of the tree of free pages; false when it is none.
    private func visit(_ page: UnsafeRawBufferPointer, _ waiting: inout [UInt64], _ missing: inout Set<UInt64>) -> Bool
    {
        let flags = page.loadUnaligned(fromByteOffset: 10, as: UInt16.self)
        let isLeaf = flags & 0x02 != 0
        guard isLeaf || flags & 0x01 != 0 else { return false }
        let lower = Int(page.loadUnaligned(fromByteOffset: 12, as: UInt16.self))
        guard lower >= 16, lower <= Self.pageBytes else { return false }
        for entry in 0..<((lower - 16) / 2) {
            let node = Int(page.loadUnaligned(fromByteOffset: 16 + entry * 2, as: UInt16.self))
            guard node + 8 <= Self.pageBytes else { return false }
            func half(_ index: Int) -> UInt64 {
                UInt64(page.loadUnaligned(fromByteOffset: node + index * 2, as: UInt16.self))
            }
            if !isLeaf {
                waiting.append(half(0) | half(1) << 16 | half(2) << 32)
                continue
            }
            let size = Int(half(0) | half(1) << 16)
            let start = node + 8 + Int(half(3))
            if half(2) & 0x01 == 0 {
                guard start + size <= Self.pageBytes else { return false }
                remove(UnsafeRawBufferPointer(rebasing: page[start..<(start + size)]), from: &missing)
                continue
            }
            guard start + 8 <= Self.pageBytes else { return false }
            let first = page.loadUnaligned(fromByteOffset: start, as: UInt64.self)
            guard let list = read(first, bytes: 16 + size) else { return false }
            list.withUnsafeBytes { remove(UnsafeRawBufferPointer(rebasing: $0[16...]), from: &missing) }
        }
        return true
    }

    /// A list: its length, then page numbers.
    private func remove(_ list: UnsafeRawBufferPointer, from missing: inout Set<UInt64>) {
        for offset in stride(from: 8, to: list.count - 7, by: 8) {
            missing.remove(list.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
    }

    private func read(_ page: UInt64, bytes count: Int = pageBytes) -> [UInt8]? {
        let needed = UInt64((count + Self.pageBytes - 1) / Self.pageBytes)
        guard page < filePages, needed <= filePages - page else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        let offset = off_t(page) * off_t(Self.pageBytes)
        let got = bytes.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, count, offset) }
        return got == count ? bytes : nil
    }
}
