internal import MatrixIdentifiers
package import RoomVersions
internal import TestSupport

/// One generated room resolved by both implementations.
package struct Comparison: Sendable {
    package let seed: UInt64
    package let version: RoomVersion
    /// What each of the naive resolutions met.
    package private(set) var traces: [NaiveTrace] = []
    /// How many states of the room were tampered with.
    package private(set) var tampering = 0
    /// How many input states each resolution had.
    package private(set) var inputs: [Int] = []
    /// Where the two differ, in words; empty when they agree.
    package private(set) var differences: [String] = []

    /// Generates the room of a seed and resolves each of its questions twice, the fast one both on whole states and on
    /// differences from a base that is picked at random.
    package init(seed: UInt64, version: RoomVersion) throws {
        self.seed = seed
        self.version = version
        let room = try GeneratedRoom.generate(seed: seed, version: version)
        tampering = room.tampering
        let fast = try FastResolution(room)
        var naive = room.naive
        var random = SeededRandom(seed: ~seed)
        for (number, states) in room.questions.enumerated() {
            let expected = naive.resolve(states)
            traces.append(naive.trace)
            inputs.append(states.count)
            compare(try fast.resolve(states), with: expected, "question \(number)")
            let base = random.oneIn(3) ? random.pick(Array(room.questions.joined())) : random.pick(states)
            compare(try fast.resolve(states, from: base ?? [:]), with: expected, "question \(number) from a base")
        }
    }

    private mutating func compare(_ actual: NaiveState, with expected: NaiveState, _ question: String) {
        guard actual != expected else { return }
        for entry in Set(actual.keys).union(expected.keys).sorted() where actual[entry] != expected[entry] {
            let (naive, fast) = (expected[entry]?.rawValue ?? "nothing", actual[entry]?.rawValue ?? "nothing")
            differences.append(
                "seed \(seed), room version \(version), \(question), \(entry): naive \(naive), fast \(fast)")
        }
    }
}
