/// What one state of a room has otherwise than another.
package struct StateDifference: Hashable, Sendable {
    /// One slot and what it holds; nil when it holds nothing.
    package struct Change: Hashable, Sendable {
        package let slot: StateSlot
        package let event: EventNumber?

        package init(slot: StateSlot, event: EventNumber?) {
            self.slot = slot
            self.event = event
        }
    }

    /// In ascending order of slots, each slot once.
    package let changes: [Change]

    /// No difference.
    package static let none = StateDifference(ascending: [])

    /// Takes changes in any order; of several for one slot the last one counts.
    package init(_ changes: [Change]) {
        var isAscending = true
        for index in changes.indices.dropFirst() where changes[index - 1].slot >= changes[index].slot {
            isAscending = false
            break
        }
        guard !isAscending else {
            self.changes = changes
            return
        }
        var last: [StateSlot: EventNumber?] = [:]
        for change in changes { last[change.slot] = .some(change.event) }
        self.changes = last.map { Change(slot: $0.key, event: $0.value) }.sorted { $0.slot < $1.slot }
    }

    /// Takes changes that are in ascending order, each slot once.
    init(ascending changes: [Change]) {
        self.changes = changes
    }

    package var isEmpty: Bool { changes.isEmpty }
    package var count: Int { changes.count }
}
