import Glibc
import ReadModel

/// Names that were looked up before, with their numbers.
///
/// Open addressing over a quick hash: a replay looks up two or three names a record, and a dictionary of strings would cost
/// as much as a write. The hash can be attacked, so a search gives up after a few steps and the table in the store answers.
struct NameCache {
    private static let longestProbe = 16
    private static let largestCapacity = 1 << 18

    private struct Slot {
        var hash: UInt64 = 0
        var number: UInt32 = 0
        var text: [UInt8] = []
    }

    private var slots: [Slot]
    private var used = 0

    init() {
        slots = [Slot](repeating: Slot(), count: 1024)
    }

    mutating func removeAll() {
        self = NameCache()
    }

    private static func hash(_ kind: ViewKeys.NameKind, _ text: UnsafeRawBufferPointer) -> UInt64 {
        FixedHash.short(text) &+ UInt64(kind.rawValue) &* 0x9e37_79b9_7f4a_7c15
    }

    func number(_ kind: ViewKeys.NameKind, _ text: UnsafeRawBufferPointer) -> UInt32? {
        let hash = Self.hash(kind, text)
        let mask = slots.count - 1
        var index = Int(truncatingIfNeeded: hash) & mask
        for _ in 0..<Self.longestProbe {
            if slots[index].number == 0 { return nil }
            if slots[index].hash == hash, Self.equal(slots[index].text, text) { return slots[index].number }
            index = (index + 1) & mask
        }
        return nil
    }

    mutating func insert(_ kind: ViewKeys.NameKind, _ text: UnsafeRawBufferPointer, _ number: UInt32) {
        if used * 2 >= slots.count { grow() }
        if place(Slot(hash: Self.hash(kind, text), number: number, text: [UInt8](text))) { used += 1 }
    }

    private static func equal(_ stored: [UInt8], _ text: UnsafeRawBufferPointer) -> Bool {
        guard stored.count == text.count else { return false }
        return stored.withUnsafeBytes { bytes in
            guard let left = bytes.baseAddress, let right = text.baseAddress else { return bytes.isEmpty }
            return memcmp(left, right, bytes.count) == 0
        }
    }

    private mutating func place(_ slot: Slot) -> Bool {
        let mask = slots.count - 1
        var index = Int(truncatingIfNeeded: slot.hash) & mask
        for _ in 0..<Self.longestProbe {
            if slots[index].number == 0 {
                slots[index] = slot
                return true
            }
            index = (index + 1) & mask
        }
        return false
    }

    private mutating func grow() {
        let old = slots
        used = 0
        if old.count >= Self.largestCapacity {
            slots = [Slot](repeating: Slot(), count: 1024)
            return
        }
        slots = [Slot](repeating: Slot(), count: old.count * 4)
        for slot in old where slot.number != 0 && place(slot) { used += 1 }
    }
}
