import Foundation
import HTTPFront
import MediaStore
import Testing

@Suite struct BlobStoreTests {
    private static func with(_ body: (BlobStore, String) throws -> Void) throws {
        let root = NSTemporaryDirectory() + "engram-media-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: root) }
        try body(try BlobStore(root: root, threads: 1), root)
    }

    private static func files(_ root: String) -> Int {
        (FileManager.default.subpaths(atPath: root) ?? []).filter {
            var isDirectory: ObjCBool = false
            return FileManager.default.fileExists(atPath: root + "/" + $0, isDirectory: &isDirectory)
                && !isDirectory.boolValue
        }.count
    }

    @Test func sameContentIsOneFile() throws {
        try Self.with { store, root in
            var names: Set<String> = []
            for _ in 0..<3 {
                let incoming = try store.begin()
                try incoming.write([1, 2])
                try incoming.write([3])
                let stored = try store.keep(incoming)
                #expect(stored.bytes == 3)
                names.insert(stored.name)
            }
            let name = try #require(names.first)
            #expect(names.count == 1)
            // BLAKE2b-256 of 01 02 03.
            #expect(BlobStore.isName(name))
            #expect(Self.files(root) == 1)
            #expect(store.open(name)?.length == 3)
            var visited: [String] = []
            BlobStore.forEach(in: root) { visited.append($0) }
            #expect(visited == [name])
        }
    }

    @Test func whatIsHeldIsNotDeleted() throws {
        try Self.with { store, _ in
            let incoming = try store.begin()
            try incoming.write([9])
            let stored = try store.keep(incoming)
            #expect(try !store.delete(stored.name) { false })
            store.release(stored.name)
            #expect(try !store.delete(stored.name) { true })
            #expect(store.open(stored.name) != nil)
            #expect(try store.delete(stored.name) { false })
            #expect(store.open(stored.name) == nil)
        }
    }

    @Test func whatIsNotKeptIsGone() throws {
        try Self.with { store, root in
            do {
                let incoming = try store.begin()
                try incoming.write([UInt8](repeating: 1, count: 100_000))
            }
            #expect(Self.files(root) == 0)
            try Data([1]).write(to: URL(fileURLWithPath: root + "/incoming/left"))
            _ = try BlobStore(root: root, threads: 1)
            #expect(Self.files(root) == 0)
        }
    }

    @Test(arguments: [
        "", "..", "../../etc/passwd", String(repeating: "g", count: 64), String(repeating: "A", count: 64),
    ])
    func opensNothingButBlobs(name: String) throws {
        try Self.with { store, _ in #expect(store.open(name) == nil) }
    }
}
