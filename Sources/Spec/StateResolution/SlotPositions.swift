/// Where each slot stands in a list.
struct SlotPositions {
    /// For slots with small numbers: as long as the table takes no more room than the differences themselves.
    private var table: [Int32]
    private var others: [StateSlot: Int32] = [:]

    /// Makes room for the slots that some differences name.
    init(of states: [StateDifference]) {
        let changeCount = states.reduce(0) { $0 + $1.count }
        let greatest = states.reduce(0) { max($0, Int($1.changes.last?.slot.rawValue ?? 0)) }
        table = greatest < changeCount ? [Int32](repeating: -1, count: greatest + 1) : []
    }

    subscript(slot: StateSlot) -> Int? {
        let number = Int(slot.rawValue)
        if number < table.count { return table[number] < 0 ? nil : Int(table[number]) }
        return others[slot].map(Int.init)
    }

    /// Puts a slot in; answers false when positions have run out.
    mutating func put(_ position: Int, at slot: StateSlot) -> Bool {
        guard let short = Int32(exactly: position) else { return false }
        let number = Int(slot.rawValue)
        if number < table.count { table[number] = short } else { others[slot] = short }
        return true
    }
}
