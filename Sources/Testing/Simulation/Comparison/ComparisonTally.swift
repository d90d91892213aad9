package import RoomVersions

/// What many comparisons met, to show that they were not vacuous.
package struct ComparisonTally: Sendable {
    /// Something a resolution met, and in how many resolutions.
    package struct Count: Sendable {
        package let name: String
        package var resolutions = 0
        /// The algorithms that can meet it.
        let algorithms: Set<StateResolution>

        /// Whether an algorithm can meet it.
        package func isReached(by algorithm: StateResolution) -> Bool { algorithms.contains(algorithm) }
    }

    package private(set) var rooms = 0
    package private(set) var resolutions = 0
    package private(set) var tampered = 0
    package private(set) var differing = 0
    package private(set) var counts: [Count] = []

    package init() {
        counts = Self.names.map { Count(name: $0.name, algorithms: $0.algorithms) }
    }

    private static let names: [(name: String, algorithms: Set<StateResolution>)] = [
        ("conflicted keys", [.v1, .v2, .v2_1]),
        ("conflicted power events", [.v1, .v2, .v2_1]),
        ("auth difference beyond the conflicted set", [.v2, .v2_1]),
        ("subgraph events beyond both", [.v2_1]),
        ("mainline or depth ties", [.v1, .v2, .v2_1]),
        ("power ties", [.v2, .v2_1]),
        ("events refused", [.v1, .v2, .v2_1]),
        ("look-ups in own auth events", [.v2, .v2_1]),
        ("rejected auth events passed over", [.v2, .v2_1]),
        ("three states and more", [.v1, .v2, .v2_1]),
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
