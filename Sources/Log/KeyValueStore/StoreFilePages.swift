import Glibc

/// Looks at every page that a store's tables use, as the file has it, without LMDB.
///
/// LMDB follows page numbers and offsets as it finds them: one flipped bit in them, and it reads outside the map. What
/// values say is not looked at here; the log's records have checksums of their own.
package struct StoreFilePages {
    /// A page that cannot be right.
    package struct Damage: Error, CustomStringConvertible {
        package let page: UInt64
        let what: String

        package var description: String {
            "page \(page) of data.mdb, at byte \(page &* UInt64(StoreEnvironment.pageBytes)), is damaged: \(what). "
                + "Keep a copy of the directory, then restore from a backup."
        }
    }

    private let descriptor: Int32
    private let lastPage: UInt64
    private var waiting: [UInt64] = []
    private var visited: Set<UInt64> = []
    private static let pageBytes = StoreEnvironment.pageBytes
    private static let noPage = UInt64.max

    /// - Throws: ``Damage``. A store whose writer is at work meanwhile is only found damaged while it pauses.
    package static func check(directory: String) throws(Damage) {
        let descriptor = open(directory + "/data.mdb", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        for _ in 0..<4 {
            guard let before = newestMeta(descriptor) else { return }
            var walk = StoreFilePages(descriptor: descriptor, lastPage: before.lastPage)
            var damage: Damage?
            do {
                try walk.visitAll(from: before.roots)
            } catch {
                damage = error
            }
            guard let damage else { return }
            // Pages may be used again only after another commit.
            if let after = newestMeta(descriptor), after.transaction == before.transaction { throw damage }
        }
    }

    private init(descriptor: Int32, lastPage: UInt64) {
        self.descriptor = descriptor
        self.lastPage = lastPage
    }

    private static func newestMeta(_ descriptor: Int32) -> (roots: [UInt64], lastPage: UInt64, transaction: UInt64)? {
        var newest: (roots: [UInt64], lastPage: UInt64, transaction: UInt64)?
        for page in 0..<2 {
            var bytes = [UInt8](repeating: 0, count: 152)
            guard pread(descriptor, &bytes, bytes.count, off_t(page * pageBytes)) == bytes.count else { return nil }
            bytes.withUnsafeBytes { raw in
                func number(_ offset: Int) -> UInt64 { raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
                if newest.map({ $0.transaction < number(144) }) ?? true {
                    newest = ([number(80), number(128)], number(136), number(144))
                }
            }
        }
        return newest
    }

    private mutating func visitAll(from roots: [UInt64]) throws(Damage) {
        waiting = roots.filter { $0 != Self.noPage }
        while let page = waiting.popLast() {
            let bytes = try read(page)
            try take(page, count: 1)
            try visit(page, bytes)
        }
    }

    private mutating func take(_ first: UInt64, count: UInt64) throws(Damage) {
        guard first >= 2, first <= lastPage, count <= lastPage - first + 1 else {
            throw Damage(page: first, what: "it is behind the last page, \(lastPage)")
        }
        for page in first..<(first + count) where !visited.insert(page).inserted {
            throw Damage(page: page, what: "two places point to it")
        }
    }

    private func read(_ page: UInt64) throws(Damage) -> [UInt8] {
        guard page >= 2, page <= lastPage else {
            throw Damage(page: page, what: "it is behind the last page, \(lastPage)")
        }
        var bytes = [UInt8](repeating: 0, count: Self.pageBytes)
        guard pread(descriptor, &bytes, bytes.count, off_t(page) * off_t(Self.pageBytes)) == bytes.count else {
            throw Damage(page: page, what: "it cannot be read")
        }
        let number = bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) }
        guard number == page else { throw Damage(page: page, what: "it says that it is page \(number)") }
        return bytes
    }

    private mutating func visit(_ page: UInt64, _ bytes: [UInt8]) throws(Damage) {
        func half(_ offset: Int) -> Int { Int(bytes[offset]) | Int(bytes[offset + 1]) << 8 }
        func whole(_ offset: Int) -> UInt64 {
            bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
        }
        let kind = half(10) & 0x2f
        guard kind == 1 || kind == 2 else { throw Damage(page: page, what: "it is of no known kind") }
        let (lower, upper) = (half(12), half(14))
        guard lower >= 16, lower <= upper, upper <= Self.pageBytes, lower & 1 == 0 else {
            throw Damage(page: page, what: "its bounds are impossible")
        }
        for entry in 0..<((lower - 16) / 2) {
            let node = half(16 + entry * 2)
            guard node >= upper, node + 8 <= Self.pageBytes else {
                throw Damage(page: page, what: "entry \(entry) lies outside of it")
            }
            let data = node + 8 + half(node + 6)
            guard data <= Self.pageBytes else { throw Damage(page: page, what: "key \(entry) reaches over its end") }
            let size = half(node) | half(node + 2) << 16
            if kind == 1 {
                waiting.append(UInt64(size) | UInt64(half(node + 4)) << 32)
                continue
            }
            let flags = half(node + 4)
            let stored = flags & 1 != 0 ? 8 : size
            guard flags & ~7 == 0, data + stored <= Self.pageBytes else {
                throw Damage(page: page, what: "value \(entry) reaches over its end")
            }
            if flags & 1 != 0 {
                try visitLargeValue(whole(data), size: size)
            } else if flags & 2 != 0 {
                guard size == 48 else { throw Damage(page: page, what: "table \(entry) has no root") }
                if whole(data + 40) != Self.noPage { waiting.append(whole(data + 40)) }
            }
        }
    }

    private mutating func visitLargeValue(_ first: UInt64, size: Int) throws(Damage) {
        let bytes = try read(first)
        let count = bytes.withUnsafeBytes { UInt64($0.loadUnaligned(fromByteOffset: 12, as: UInt32.self)) }
        guard Int(bytes[10]) & 0x2f == 4, count > 0, count &* UInt64(Self.pageBytes) >= UInt64(size + 16) else {
            throw Damage(page: first, what: "it is not the large value that it should be")
        }
        try take(first, count: count)
    }
}
