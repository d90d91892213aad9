/// A bounded table in memory whose entries end by themselves; the oldest makes room when it is full.
struct ExpiringTable<Value: Sendable>: Sendable {
    private struct Entry {
        var value: Value
        var expiresAtMs: Int64
        var order: UInt64
    }

    private var entries: [String: Entry] = [:]
    private var arrivals: [(order: UInt64, id: String)] = []
    private var nextArrival = 0
    private var counter: UInt64 = 0
    private let capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
    }

    var count: Int { entries.count }

    mutating func insert(_ value: Value, id: String, expiresAtMs: Int64, nowMs: Int64) {
        dropOldest(nowMs: nowMs)
        counter &+= 1
        entries[id] = Entry(value: value, expiresAtMs: expiresAtMs, order: counter)
        arrivals.append((counter, id))
    }

    func value(_ id: String, nowMs: Int64) -> Value? {
        guard let entry = entries[id], entry.expiresAtMs > nowMs else { return nil }
        return entry.value
    }

    mutating func update(_ id: String, nowMs: Int64, _ change: (inout Value) -> Void) -> Value? {
        guard var entry = entries[id], entry.expiresAtMs > nowMs else { return nil }
        change(&entry.value)
        entries[id] = entry
        return entry.value
    }

    mutating func remove(_ id: String, nowMs: Int64) -> Value? {
        guard let entry = entries.removeValue(forKey: id), entry.expiresAtMs > nowMs else { return nil }
        return entry.value
    }

    func count(nowMs: Int64, where matches: (Value) -> Bool) -> Int {
        entries.values.count { $0.expiresAtMs > nowMs && matches($0.value) }
    }

    /// All entries live equally long, so that the oldest are the ones that ended.
    private mutating func dropOldest(nowMs: Int64) {
        while nextArrival < arrivals.count {
            let arrival = arrivals[nextArrival]
            if let entry = entries[arrival.id], entry.order == arrival.order {
                guard entry.expiresAtMs <= nowMs || entries.count >= capacity else { break }
                entries[arrival.id] = nil
            }
            nextArrival += 1
        }
        if nextArrival > 1024, nextArrival > arrivals.count / 2 {
            arrivals.removeFirst(nextArrival)
            nextArrival = 0
        }
    }
}
