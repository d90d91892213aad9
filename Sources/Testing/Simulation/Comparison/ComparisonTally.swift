/// What many comparisons met, to show that they were not vacuous.
package struct ComparisonTally: Sendable {
    /// Something a resolution met, and in how many resolutions.
    package struct Count: Sendable {
        package let name: String
        package var resolutions = 0
    }

    package private(set) var rooms = 0
    package private(set) var resolutions = 0
    package private(set) var tampered = 0
    package private(set) var differing = 0
    package private(set) var counts: [Count] = []

    package init() {
        counts = Self.names.map { Count(name: $0) }
    }

    private static let names = [
        "conflicted keys", "conflicted power events", "auth difference beyond the conflicted set",
        "subgraph events beyond both", "mainline or depth ties", "power ties", "events refused",
        "look-ups in own auth events", "rejected auth events passed over", "three states and more",
    ]

    /// Adds one room.
    package mutating func add(_ comparison: Comparison) {
        rooms += 1
        if comparison.tampering > 0 { tampered += 1 }
        if !comparison.differences.isEmpty { differing += 1 }
        for (trace, inputs) in zip(comparison.traces, comparison.inputs) {
            resolutions += 1
            let met = [
                trace.conflictedKeys, trace.powerEvents, trace.authDifference, trace.subgraph, trace.orderTies,
                trace.powerTies, trace.refused, trace.fallBacks, trace.rejectedAuthEvents, inputs > 2 ? 1 : 0,
            ]
            for (index, number) in met.enumerated() where number > 0 { counts[index].resolutions += 1 }
        }
    }

    /// Adds what another tally counted.
    package mutating func add(_ other: ComparisonTally) {
        rooms += other.rooms
        resolutions += other.resolutions
        tampered += other.tampered
        differing += other.differing
        for index in counts.indices { counts[index].resolutions += other.counts[index].resolutions }
    }
}
