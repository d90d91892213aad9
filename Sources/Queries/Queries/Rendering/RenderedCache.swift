package import ReadModel
import Synchronization

/// Keeps rendered answers that depend on a room's state only, up to a budget of bytes.
///
/// An entry carries the position of the room's last change; a look-up names the position it needs, and since positions only
/// grow, an entry of that position is the answer itself.
package final class RenderedCache: Sendable {
    /// What was rendered.
    package struct Subject: Hashable, Sendable {
        /// Which kind of answer.
        package enum Kind: UInt8, Sendable {
            case joinedMembers
            case members
            case publicRoom
        }

        package let kind: Kind
        package let room: RoomNum

        package init(_ kind: Kind, _ room: RoomNum) {
            self.kind = kind
            self.room = room
        }
    }

    fileprivate struct Entry {
        let position: UInt64
        let bytes: [UInt8]
        var lastUse: UInt64
    }

    fileprivate struct Shelf {
        var entries: [Subject: Entry] = [:]
        var byteCount = 0
        var uses: UInt64 = 0
    }

    private let shelf = Mutex(Shelf())
    private let budget: Int

    /// Creates an empty cache.
    ///
    /// - Parameter budget: the number of bytes to keep at most.
    package init(budget: Int = 16 << 20) {
        self.budget = budget
    }

    /// The bytes rendered when the room last changed at `position`.
    package func bytes(for subject: Subject, at position: UInt64) -> [UInt8]? {
        shelf.withLock { shelf in
            guard let entry = shelf.entries[subject], entry.position == position else { return nil }
            shelf.uses += 1
            shelf.entries[subject]?.lastUse = shelf.uses
            return entry.bytes
        }
    }

    /// Keeps rendered bytes; what was used longest ago makes room.
    package func keep(_ bytes: [UInt8], for subject: Subject, at position: UInt64) {
        if bytes.count > budget / 8 { return }
        shelf.withLock { shelf in
            if let old = shelf.entries[subject] {
                // A slow reader must not put an older rendering over a newer one.
                if old.position > position { return }
                shelf.byteCount -= old.bytes.count
            }
            shelf.uses += 1
            shelf.entries[subject] = Entry(position: position, bytes: bytes, lastUse: shelf.uses)
            shelf.byteCount += bytes.count
            if shelf.byteCount > budget { shelf.shrink(to: budget * 3 / 4) }
        }
    }
}

extension RenderedCache.Shelf {
    fileprivate mutating func shrink(to target: Int) {
        for (subject, entry) in entries.sorted(by: { $0.value.lastUse < $1.value.lastUse }) {
            if byteCount <= target { return }
            entries[subject] = nil
            byteCount -= entry.bytes.count
        }
    }
}
