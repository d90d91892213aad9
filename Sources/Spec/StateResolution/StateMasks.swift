/// Sets of states, many of them and all over the same states, in one array.
struct StateMasks {
    private let words: Int
    private let lastWord: UInt64
    private var bits: [UInt64] = []

    init(stateCount: Int) {
        words = max(1, (stateCount + 63) / 64)
        let used = stateCount % 64
        lastWord = used == 0 ? .max : (1 << UInt64(used)) - 1
    }

    /// Adds an empty set and says where it is.
    mutating func append() -> Int {
        let index = bits.count / words
        for _ in 0..<words { bits.append(0) }
        return index
    }

    mutating func insert(_ state: Int, into set: Int) {
        bits[set * words + state / 64] |= 1 << UInt64(state % 64)
    }

    func contains(_ state: Int, in set: Int) -> Bool {
        bits[set * words + state / 64] & (1 << UInt64(state % 64)) != 0
    }

    mutating func formUnion(_ set: Int, with other: Int) {
        for word in 0..<words { bits[set * words + word] |= bits[other * words + word] }
    }

    /// Adds to a set what is missing in another.
    mutating func formUnion(_ set: Int, withComplementOf other: Int) {
        for word in 0..<words { bits[set * words + word] |= ~bits[other * words + word] & all(word) }
    }

    /// Whether all states are in the set.
    func isFull(_ set: Int) -> Bool {
        for word in 0..<words where bits[set * words + word] != all(word) { return false }
        return true
    }

    /// Counts, for each state, one more when it is in the set.
    func count(_ set: Int, into counts: inout [Int]) {
        for word in 0..<words {
            var rest = bits[set * words + word]
            while rest != 0 {
                counts[word * 64 + rest.trailingZeroBitCount] += 1
                rest &= rest &- 1
            }
        }
    }

    private func all(_ word: Int) -> UInt64 { word == words - 1 ? lastWord : .max }
}
