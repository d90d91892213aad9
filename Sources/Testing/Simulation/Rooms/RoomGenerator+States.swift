internal import MatrixEvents
internal import MatrixIdentifiers
import TestSupport

/// Which states of a generated room are to be resolved.
extension RoomGenerator {
    mutating func chooseQuestions() {
        for _ in 0..<3 { room.questions.append(chooseStates()) }
        guard random.oneIn(3) else { return }
        for eventID in room.order.dropFirst() where random.oneIn(8) { room.rejected.insert(eventID) }
    }

    private mutating func chooseStates() -> [NaiveState] {
        var states = tips.map(\.state)
        while states.count < 2 || (states.count < 5 && random.oneIn(4)) {
            states.append((random.pick(past) ?? tips[0]).state)
        }
        if random.oneIn(2) {
            for index in states.indices where !random.oneIn(3) {
                for _ in 0...random.below(3) { tamper(with: &states[index], others: states) }
            }
        }
        for index in stride(from: states.count - 1, to: 0, by: -1) { states.swapAt(index, random.below(index + 1)) }
        return states
    }

    /// What an incomplete or wrong `/state` answer does: older and rejected events, missing ones, those of other forks.
    private mutating func tamper(with state: inout NaiveState, others: [NaiveState]) {
        let entries = state.keys.sorted()
        guard let entry = random.pick(entries) else { return }
        // A state without its create event is none; sometimes there are such all the same.
        guard entry.type != "m.room.create" || random.oneIn(12) else { return }
        room.tampering += 1
        switch random.below(4) {
        case 0: state[entry] = nil
        case 1:
            let other = others[random.below(others.count)]
            let theirs = other.keys.sorted()
            if let taken = random.pick(theirs) { state[taken] = other[taken] }
        default:
            let same = room.order.filter { room.events[$0].flatMap { NaiveStateKey($0) } == entry }
            if let older = random.pick(same) { state[entry] = older }
        }
    }
}
