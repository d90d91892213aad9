/// What happened in a simulated room, and what is wrong with it.
package struct SimulationReport: Sendable {
    package internal(set) var sent = 0
    package internal(set) var events = 0
    package internal(set) var rejected = 0
    /// Soft failures, on all servers together.
    package internal(set) var softFailed = 0
    /// Messages that never arrived.
    package internal(set) var lost = 0
    /// Messages that arrived twice.
    package internal(set) var repeated = 0
    /// Events that arrived before what they name.
    package internal(set) var gaps = 0
    /// Resolutions of more than one state, on all servers together.
    package internal(set) var resolutions = 0
    /// Ends of the history when all has been delivered.
    package internal(set) var heads = 0
    /// How often every server had to speak until all had the same forward extremities.
    package internal(set) var healingRounds = 0
    /// Servers that still have a user in the room.
    package internal(set) var servers = 0
    /// Whether servers in the room go on refusing each other's events, so that their current states stay apart. The state at
    /// every event is the same all the same.
    package internal(set) var isSplit = false
    /// What is not as it must be, each with the seed.
    package internal(set) var failures: [String] = []

    package init() {}
}
