/// What is remembered of names from outside for a time, in bounded memory: when it is full, what would end first goes first.
package struct BoundedTable<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private var entries: [Key: (value: Value, untilMs: Int64)] = [:]
    private let capacity: Int

    package init(capacity: Int) {
        self.capacity = max(capacity, 1)
    }

    package var count: Int { entries.count }

    /// What is remembered and has not ended.
    package func value(_ key: Key, nowMs: Int64) -> Value? {
        guard let entry = entries[key], entry.untilMs > nowMs else { return nil }
        return entry.value
    }

    package mutating func set(_ value: Value, _ key: Key, untilMs: Int64, nowMs: Int64) {
        if entries.count >= capacity, entries[key] == nil { makeRoom(nowMs: nowMs) }
        entries[key] = (value, untilMs)
    }

    package mutating func remove(_ key: Key) { entries[key] = nil }

    /// Drops what has ended, and an eighth of the rest when that does not help: so that a full table is walked seldom.
    private mutating func makeRoom(nowMs: Int64) {
        entries = entries.filter { $0.value.untilMs > nowMs }
        guard entries.count >= capacity else { return }
        let ends = entries.values.map(\.untilMs).sorted()
        let last = ends[ends.count / 8]
        var surplus = entries.count - capacity * 7 / 8
        for (key, entry) in entries where entry.untilMs <= last && surplus > 0 {
            entries[key] = nil
            surplus -= 1
        }
    }
}
