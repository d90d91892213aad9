import Synchronization

/// Access tokens that a refresh has made and that nobody has used yet. Bounded, and forgotten by a restart.
final class FreshTokens: Sendable {
    private struct Fresh {
        var hashes: Set<[UInt8]> = []
        var arrivals: [[UInt8]] = []
    }

    private static let capacity = 10_000
    private let fresh = Mutex(Fresh())

    func insert(_ hash: [UInt8]) {
        fresh.withLock { fresh in
            if fresh.arrivals.count >= Self.capacity {
                for old in fresh.arrivals.prefix(Self.capacity / 2) { fresh.hashes.remove(old) }
                fresh.arrivals.removeFirst(Self.capacity / 2)
            }
            fresh.hashes.insert(hash)
            fresh.arrivals.append(hash)
        }
    }

    func remove(_ hash: [UInt8]) {
        fresh.withLock { fresh in
            if !fresh.hashes.isEmpty { fresh.hashes.remove(hash) }
        }
    }

    func isUnused(_ hash: [UInt8]) -> Bool { fresh.withLock { $0.hashes.contains(hash) } }
}
