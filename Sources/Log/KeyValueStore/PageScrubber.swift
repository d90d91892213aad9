import Glibc

/// Overwrites the unused bytes of LMDB pages in the file. The writer must be kept out meanwhile.
///
/// A page begins with its number (8 bytes), 2 bytes of padding, its flags (2 bytes), then the bounds of its gap
/// (2 + 2 bytes) or, in the first page of a large value, how many pages that has (4 bytes).
struct PageScrubber {
    let descriptor: Int32
    let path: String
    let lastPage: Int
    /// Freed pages, and whether one may still be read.
    let pages: [Int: Bool]

    /// `SEEK_DATA` of Linux, which the system module hides: the next place that is no hole.
    private static let seekData: Int32 = 3
    private static let headerBytes = 16
    private static let branchFlag: UInt16 = 0x01
    private static let leafFlag: UInt16 = 0x02
    private static let overflowFlag: UInt16 = 0x04
    private static let kindMask: UInt16 = 0x2f
    /// In a leaf's entry: the value is in pages of its own.
    private static let largeValue: UInt16 = 0x01
    private static let pageBytes = StoreEnvironment.pageBytes

    /// Cleans `count` pages or a few more; answers the page to go on with, nil at the end of the file.
    func clean(
        from first: Int, count: Int, _ held: inout [Int], _ report: inout ScrubReport
    ) throws(StoreFault) -> Int? {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw fault("measuring") }
        let filePages = (Int(status.st_size) + Self.pageBytes - 1) / Self.pageBytes
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pageBytes, alignment: 16)
        defer { buffer.deallocate() }
        var page = first
        while page < min(filePages, first + count) {
            if page > lastPage {
                // The file of a mapped store is as long as the map, and mostly holes.
                let data = lseek(descriptor, page * Self.pageBytes, Self.seekData)
                if data < 0 { return nil }
                page = max(page, data / Self.pageBytes)
            }
            guard try read(page, buffer) else { return nil }
            if pages[page] == true {
                held.append(page)
                report.pagesRead += 1
                page += 1
            } else {
                page += try clean(page, buffer, &report)
            }
        }
        return page < filePages ? page : nil
    }

    /// Looks again at freed pages that were held; answers which still are.
    ///
    /// One that is in use again was overwritten as a whole since, from memory that holds nothing old.
    func cleanHeld(_ held: [Int], _ report: inout ScrubReport) throws(StoreFault) -> [Int] {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pageBytes, alignment: 16)
        defer { buffer.deallocate() }
        var left: [Int] = []
        for page in held {
            guard let isHeld = pages[page] else { continue }
            if isHeld {
                left.append(page)
            } else if try read(page, buffer) {
                try zero(page, 0..<Self.pageBytes, buffer, &report)
            }
        }
        return left
    }

    /// Cleans one page; answers how many pages it stands for.
    private func clean(
        _ page: Int, _ buffer: UnsafeMutableRawBufferPointer, _ report: inout ScrubReport
    ) throws(StoreFault) -> Int {
        report.pagesRead += 1
        if pages[page] != nil || page > lastPage {
            try zero(page, 0..<Self.pageBytes, buffer, &report)
            return 1
        }
        guard buffer.load(as: Int.self) == page else {
            throw StoreFault(code: .corrupt, operation: "scrubbing page \(page)", path: path)
        }
        let kind = buffer.load(fromByteOffset: 10, as: UInt16.self) & Self.kindMask
        if kind == Self.overflowFlag {
            let count = Int(buffer.load(fromByteOffset: 12, as: UInt32.self))
            report.pagesRead += max(count, 1) - 1
            return max(count, 1)
        }
        guard kind == Self.leafFlag || kind == Self.branchFlag else { return 1 }
        let lower = Int(buffer.load(fromByteOffset: 12, as: UInt16.self))
        let upper = Int(buffer.load(fromByteOffset: 14, as: UInt16.self))
        guard lower >= Self.headerBytes, lower <= upper, upper <= Self.pageBytes else {
            throw StoreFault(code: .corrupt, operation: "scrubbing page \(page)", path: path)
        }
        if kind == Self.leafFlag {
            try cleanLargeValues(page, buffer, entries: (lower - Self.headerBytes) / 2, &report)
        }
        try zero(page, lower..<upper, buffer, &report)
        return 1
    }

    /// Cleans what follows each large value in its last page.
    private func cleanLargeValues(
        _ page: Int, _ buffer: UnsafeMutableRawBufferPointer, entries: Int, _ report: inout ScrubReport
    ) throws(StoreFault) {
        for entry in 0..<entries {
            let offset = Int(buffer.load(fromByteOffset: Self.headerBytes + entry * 2, as: UInt16.self))
            guard offset + 8 <= Self.pageBytes else { continue }
            guard buffer.load(fromByteOffset: offset + 4, as: UInt16.self) & Self.largeValue != 0 else { continue }
            let size =
                Int(buffer.load(fromByteOffset: offset, as: UInt16.self))
                | Int(buffer.load(fromByteOffset: offset + 2, as: UInt16.self)) << 16
            let keyBytes = Int(buffer.load(fromByteOffset: offset + 6, as: UInt16.self))
            guard offset + 16 + keyBytes <= Self.pageBytes else { continue }
            let start = buffer.loadUnaligned(fromByteOffset: offset + 8 + keyBytes, as: Int.self)
            let used = Self.headerBytes + size
            let last = start + (used - 1) / Self.pageBytes
            guard used % Self.pageBytes != 0, start > 1, last <= lastPage, pages[last] == nil else { continue }
            let other = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pageBytes, alignment: 16)
            defer { other.deallocate() }
            guard try read(last, other) else { continue }
            try zero(last, (used % Self.pageBytes)..<Self.pageBytes, other, &report)
        }
    }

    private func read(_ page: Int, _ buffer: UnsafeMutableRawBufferPointer) throws(StoreFault) -> Bool {
        let count = pread(descriptor, buffer.baseAddress, Self.pageBytes, page * Self.pageBytes)
        guard count >= 0 else { throw fault("reading page \(page)") }
        return count == Self.pageBytes
    }

    private func zero(
        _ page: Int, _ range: Range<Int>, _ buffer: UnsafeMutableRawBufferPointer, _ report: inout ScrubReport
    ) throws(StoreFault) {
        let part = UnsafeMutableRawBufferPointer(rebasing: buffer[range])
        guard let start = part.baseAddress, let byte = part.first else { return }
        guard byte != 0 || memcmp(start, start + 1, part.count - 1) != 0 else { return }
        part.initializeMemory(as: UInt8.self, repeating: 0)
        let written = pwrite(descriptor, part.baseAddress, part.count, page * Self.pageBytes + range.lowerBound)
        guard written == part.count else { throw fault("overwriting page \(page)") }
        report.pagesCleaned += 1
    }

    private func fault(_ operation: String) -> StoreFault {
        StoreFault(result: errno, operation: operation, path: path)
    }
}
