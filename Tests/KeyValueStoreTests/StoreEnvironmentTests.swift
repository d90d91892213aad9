import Glibc
import KeyValueStore
import Synchronization
import Testing

@Suite struct StoreEnvironmentTests {
    private func makeEnvironment(
        _ directory: TemporaryDirectory, _ options: StoreOptions = StoreOptions(mapSize: 16 << 20)
    ) throws -> StoreEnvironment {
        try StoreEnvironment(directory: directory.path, options: options)
    }

    private final class Flag: Sendable {
        let value = Atomic(false)
    }

    private struct Refusal: Error {}

    @Test func writesAreReadBackAndAnAbortLeavesNothing() throws {
        let directory = TemporaryDirectory()
        let store = try makeEnvironment(directory)
        let table = try store.table("things")
        try store.write { try $0.put(table, "a", "1") }
        #expect(throws: Refusal.self) {
            try store.write { transaction in
                try transaction.put(table, "b", "2")
                throw Refusal()
            }
        }
        let found = try store.read { transaction in
            (try transaction.getBytes(table, "a"), try transaction.getBytes(table, "b"), try transaction.count(table))
        }
        #expect(found.0 == Array("1".utf8))
        #expect(found.1 == nil)
        #expect(found.2 == 1)
    }

    @Test func contentsSurviveClosing() throws {
        let directory = TemporaryDirectory()
        let first = try makeEnvironment(directory)
        let table = try first.table("things")
        try first.write { try $0.put(table, StoreKey(7), [1, 2, 3] as [UInt8]) }
        first.close()
        #expect(throws: StoreFault.self) { try first.read { _ in } }
        let second = try makeEnvironment(directory)
        let again = try second.table("things")
        #expect(try second.read { try $0.getBytes(again, StoreKey(7)) } == [1, 2, 3])
        #expect(try second.listTables() == ["things"])
    }

    @Test func iterationHonoursEveryBound() throws {
        let directory = TemporaryDirectory()
        let store = try makeEnvironment(directory)
        let table = try store.table("things")
        let all = ["a", "b1", "b2", "b3", "c", "\u{7f}"]
        try store.write { transaction in
            for name in all { try transaction.put(table, name, name) }
            try transaction.put(table, [0xff, 0xff] as [UInt8], "top")
        }
        func visit(
            from: String? = nil, to: String? = nil, prefix: String? = nil, reversed: Bool = false, limit: Int = .max
        ) throws -> [String] {
            try store.read { transaction in
                var names: [String] = []
                try transaction.forEach(
                    table, from: from, to: to, prefix: prefix, reversed: reversed, limit: limit
                ) { _, value in
                    names.append(String(decoding: value, as: UTF8.self))
                    return true
                }
                return names
            }
        }
        #expect(try visit() == all + ["top"])
        #expect(try visit(reversed: true) == ["top"] + all.reversed())
        #expect(try visit(prefix: "b") == ["b1", "b2", "b3"])
        #expect(try visit(prefix: "b", reversed: true, limit: 2) == ["b3", "b2"])
        #expect(try visit(from: "b2", to: "c") == ["b2", "b3"])
        #expect(try visit(from: "b2", to: "c", reversed: true) == ["b3", "b2"])
        #expect(try visit(from: "b2", prefix: "b") == ["b2", "b3"])
        #expect(try visit(to: "b3", prefix: "b", reversed: true) == ["b2", "b1"])
        #expect(try visit(to: "zz", prefix: "b", reversed: true) == ["b3", "b2", "b1"])
        #expect(try visit(from: "x", to: "x") == [])
        #expect(try visit(prefix: "zzz") == [])
        try store.read { transaction in
            let last = try transaction.last(table, prefix: [0xff] as [UInt8])
            #expect(last.map { Array($0.value) } == Array("top".utf8))
            #expect(try transaction.lastAtOrBefore(table, "b9").map { Array($0.value) } == Array("b3".utf8))
            #expect(try transaction.firstAtOrAfter(table, "b9").map { Array($0.value) } == Array("c".utf8))
            #expect(try transaction.lastAtOrBefore(table, "A") == nil)
        }
    }

    @Test func deletingAPrefixLeavesTheRest() throws {
        let directory = TemporaryDirectory()
        let store = try makeEnvironment(directory)
        let table = try store.table("things")
        try store.write { transaction in
            for room in 0..<3 as Range<UInt32> {
                for number in 0..<2000 as Range<UInt32> {
                    try transaction.put(table, StoreKey().appending(room).appending(number), "value")
                }
            }
        }
        let removed = try store.write { try $0.deletePrefix(table, StoreKey().appending(1 as UInt32)) }
        #expect(removed == 2000)
        #expect(try store.read { try $0.count(table) } == 4000)
    }

    @Test func theMapGrowsByItself() throws {
        let directory = TemporaryDirectory()
        let store = try makeEnvironment(directory, StoreOptions(mapSize: 256 << 10))
        let table = try store.table("things")
        let value = [UInt8](repeating: 7, count: 1000)
        for batch in 0..<8 as Range<UInt64> {
            try store.write { transaction in
                for number in 0..<500 as Range<UInt64> {
                    try transaction.put(table, StoreKey(batch * 500 + number), value)
                }
            }
        }
        #expect(try store.read { try $0.count(table) } == 4000)
        #expect(try store.usage.mapBytes >= 4 << 20)
    }

    @Test func theMapGrowsUnderReaders() async throws {
        let directory = TemporaryDirectory()
        let store = try makeEnvironment(directory, StoreOptions(mapSize: 256 << 10))
        let table = try store.table("things")
        try store.write { try $0.put(table, StoreKey(0), "first") }
        let done = Flag()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                group.addTask {
                    while !done.value.load(ordering: .relaxed) {
                        try store.read { outer in
                            let count = try outer.count(table)
                            // A nested read must pass a waiting remap.
                            let inner = try store.read { try $0.count(table) }
                            #expect(inner >= count)
                            #expect(try outer.getBytes(table, StoreKey(0)) == Array("first".utf8))
                        }
                        await Task.yield()
                    }
                }
            }
            let value = [UInt8](repeating: 7, count: 3000)
            for number in 1..<2000 as Range<UInt64> {
                try store.write { try $0.put(table, StoreKey(number), value) }
            }
            done.value.store(true, ordering: .relaxed)
            try await group.waitForAll()
        }
        #expect(try store.read { try $0.count(table) } == 2000)
    }

    @Test func aFullMapIsAFaultAndLosesNothing() throws {
        let directory = TemporaryDirectory()
        let store = try makeEnvironment(directory, StoreOptions(mapSize: 128 << 10, maxMapSize: 256 << 10))
        let table = try store.table("things")
        let value = [UInt8](repeating: 7, count: 3000)
        var stored: UInt64 = 0
        var met: StoreFault?
        while met == nil, stored < 1000 {
            do {
                try store.write { try $0.put(table, StoreKey(stored), value) }
                stored += 1
            } catch let fault as StoreFault {
                met = fault
            }
        }
        #expect(met?.code == .mapFull)
        #expect(met?.isFatal == false)
        #expect(stored > 10)
        #expect(try store.read { try $0.count(table) } == Int(stored))
        try store.write { transaction in try transaction.clear(table) }
        try store.write { try $0.put(table, StoreKey(1), value) }
    }

    @Test func aSecondWriterIsRefused() throws {
        let directory = TemporaryDirectory()
        let store = try makeEnvironment(directory)
        let fault = #expect(throws: StoreFault.self) { try makeEnvironment(directory) }
        #expect(fault?.code == .lockedByOther)
        store.close()
        _ = try makeEnvironment(directory)
    }

    @Test func rulesOfNestingAreChecked() throws {
        let directory = TemporaryDirectory()
        let store = try makeEnvironment(directory)
        let table = try store.table("things")
        try store.read { _ in
            let fault = #expect(throws: StoreFault.self) { try store.write { _ in } }
            #expect(fault?.code == .misuse)
        }
        try store.write { transaction in
            try transaction.put(table, "a", "1")
            #expect(try store.read { try $0.contains(table, "a") } == false)
            #expect(throws: StoreFault.self) { try store.write { _ in } }
        }
        #expect(try store.read { try $0.contains(table, "a") })
    }

    @Test func longAndEmptyKeysAreRefusedWithoutHarm() throws {
        let directory = TemporaryDirectory()
        let store = try makeEnvironment(directory)
        let table = try store.table("things")
        let long = String(repeating: "x", count: 512)
        let fault = #expect(throws: StoreFault.self) { try store.write { try $0.put(table, long, "1") } }
        #expect(fault?.code == .keyTooLong)
        #expect(throws: StoreFault.self) { try store.write { try $0.put(table, "", "1") } }
        #expect(try store.read { try $0.get(table, long) == nil })
        try store.write { try $0.put(table, String(repeating: "x", count: 511), "1") }
    }

    @Test func reserveAppendAndPutIfAbsent() throws {
        let directory = TemporaryDirectory()
        let store = try makeEnvironment(directory)
        let table = try store.table("things")
        try store.write { transaction in
            try transaction.reserve(table, StoreKey(1), size: 4, append: true) { $0.copyBytes(from: [9, 8, 7, 6]) }
            #expect(try transaction.putIfAbsent(table, StoreKey(1), "no") == false)
            #expect(try transaction.putIfAbsent(table, StoreKey(2), "yes"))
            let fault = #expect(throws: StoreFault.self) { try transaction.put(table, StoreKey(1), "x", append: true) }
            #expect(fault?.code == .keyOrder)
        }
        #expect(try store.read { try $0.getBytes(table, StoreKey(1)) } == [9, 8, 7, 6])
    }

    @Test func droppedTablesAreGone() throws {
        let directory = TemporaryDirectory()
        let store = try makeEnvironment(directory)
        let table = try store.table("old")
        try store.write { try $0.put(table, "a", "1") }
        #expect(try store.dropTable("old"))
        #expect(try store.dropTable("old") == false)
        #expect(try store.existingTable("old") == nil)
        let new = try store.table("old")
        #expect(try store.read { try $0.count(new) } == 0)
    }

    @Test func copiesAreStores() throws {
        let directory = TemporaryDirectory()
        let target = TemporaryDirectory()
        let store = try makeEnvironment(directory)
        let table = try store.table("things")
        try store.write { try $0.put(table, "a", "1") }
        try store.copy(to: target.path, compact: true)
        let copied = try StoreEnvironment(directory: target.path, options: StoreOptions(readOnly: true))
        let again = try #require(try copied.existingTable("things"))
        #expect(try copied.read { try $0.getBytes(again, "a") } == Array("1".utf8))
        #expect(throws: StoreFault.self) { try copied.write { _ in } }
        #expect(try copied.existingTable("nothing") == nil)
    }

    @Test func aMissingDirectoryIsNamed() throws {
        let directory = TemporaryDirectory()
        let fault = #expect(throws: StoreFault.self) {
            try StoreEnvironment(directory: directory.path + "/none", options: StoreOptions(readOnly: true))
        }
        #expect(fault?.code == .notFound)
        #expect(fault?.description.contains("/none") == true)
    }

    @Test func bytesThatAreNoStoreAreRefused() throws {
        let directory = TemporaryDirectory()
        let file = fopen(directory.path + "/data.mdb", "w")
        for _ in 0..<3000 { fputs("not a database ", file) }
        fclose(file)
        let fault = #expect(throws: StoreFault.self) { try makeEnvironment(directory) }
        #expect(fault?.code == .corrupt)
    }

    @Test func zerosBehindTheLastPageGoWhenAStoreIsClosedAndACutFileIsRefused() throws {
        let directory = TemporaryDirectory()
        let path = directory.path + "/data.mdb"
        func length() -> Int {
            var status = stat()
            return stat(path, &status) == 0 ? Int(status.st_size) : -1
        }
        let first = try makeEnvironment(directory)
        let table = try first.table("things")
        for index in 0..<20 {
            try first.write { try $0.put(table, StoreKey(UInt64(index)), [UInt8](repeating: 7, count: 3000)) }
        }
        let whileOpen = length()
        first.close()
        let used = length()
        // Twenty pages of values and a few more; a quarter of a megabyte of zeros was ahead of them.
        #expect(used >= 20 * 4096 && used < whileOpen)
        let second = try makeEnvironment(directory)
        let again = try #require(try second.existingTable("things"))
        #expect(try second.read { try $0.count(again) } == 20)
        second.close()
        #expect(length() == used)
        #expect(truncate(path, off_t(used / 2)) == 0)
        let fault = #expect(throws: StoreFault.self) { try makeEnvironment(directory) }
        #expect(fault?.code == .corrupt)
        #expect(fault?.description.contains("truncated") == true)
    }

    @Test func closedStoresUseUpNothingThatAProcessHasFewOf() throws {
        // More than a process has keys for values of threads; who holds on to a closed store holds none.
        let directory = TemporaryDirectory()
        var closed: [StoreEnvironment] = []
        for _ in 0..<1100 {
            let store = try makeEnvironment(directory, StoreOptions(mapSize: 1 << 20))
            store.close()
            closed.append(store)
        }
        let other = TemporaryDirectory()
        let (first, second) = (try makeEnvironment(directory), try makeEnvironment(other))
        let (one, two) = (try first.table("things"), try second.table("things"))
        try first.write { try $0.put(one, "k", "v") }
        try first.read { transaction in
            #expect(try transaction.count(one) == 1)
            // A transaction of one store is none of another.
            try second.write { try $0.put(two, "k", "v") }
            #expect(throws: StoreFault.self) { try first.write { _ in } }
        }
        #expect(try second.read { try $0.count(two) } == 1)
        #expect(closed.count == 1100)
    }
}
