package import ReadModel
import Synchronization

/// Remembers which rooms the latest log positions touched, so that a sync looks only at those.
///
/// It is a hint of bounded size: when it does not reach back far enough, a sync compares every room of the user instead.
package final class RecentChanges: Sendable {
    fileprivate struct Entry {
        let head: UInt64
        let rooms: [RoomNum]
    }

    private struct Ring {
        var entries: [Entry?]
        var next = 0
        /// Changes at or before it are not remembered.
        var floor: UInt64 = .max
        var head: UInt64 = 0
    }

    private let ring: Mutex<Ring>

    package init(capacity: Int = 4096) {
        ring = Mutex(Ring(entries: Array(repeating: nil, count: max(1, capacity))))
    }

    /// Records that everything from the last batch up to `head` touched only `rooms`.
    ///
    /// - Parameter first: the position before the first one of the batch.
    package func record(after first: UInt64, head: UInt64, rooms: some Sequence<RoomNum>) {
        let entry = Entry(head: head, rooms: Array(rooms))
        ring.withLock { ring in
            // A hole means that something was applied behind our back: forget what came before.
            if ring.floor == .max || first != ring.head {
                ring.floor = first
                for index in ring.entries.indices { ring.entries[index] = nil }
            }
            if let old = ring.entries[ring.next] { ring.floor = old.head }
            ring.entries[ring.next] = entry
            ring.next = (ring.next + 1) % ring.entries.count
            ring.head = head
        }
    }

    /// The rooms touched after `since` and up to `head`, perhaps more; nil when that is not known or too much to look at.
    ///
    /// - Parameters:
    ///   - limit: the most rooms to answer.
    ///   - longestWalk: the most batches to look at.
    package func rooms(
        after since: UInt64, upTo head: UInt64, limit: Int, longestWalk: Int = .max
    ) -> Set<RoomNum>? {
        ring.withLock { ring in
            guard since >= ring.floor, head <= ring.head else { return nil }
            var rooms: Set<RoomNum> = []
            var index = ring.next
            for step in 0..<ring.entries.count {
                index = (index + ring.entries.count - 1) % ring.entries.count
                guard let entry = ring.entries[index], entry.head > since else { return rooms }
                if step >= longestWalk { return nil }
                rooms.formUnion(entry.rooms)
                if rooms.count > limit { return nil }
            }
            return rooms
        }
    }
}
