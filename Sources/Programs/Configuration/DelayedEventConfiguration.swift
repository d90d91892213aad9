import Yams

/// What users may have sent later.
package struct DelayedEventConfiguration: Sendable, Hashable {
    /// `max_event_delay_duration`; nil: nothing is sent later.
    package var longestDelayMs: Int64?
    /// `max_delayed_events_per_user`.
    package var mostPerUser = 100

    static let names: Set<String> = [
        "max_event_delay_duration", "max_delayed_events_per_user", "rc_delayed_event_mgmt",
    ]
}

extension ServerConfiguration {
    mutating func readDelayedEvents(_ root: Node.Mapping, _ reader: inout YAMLReader) {
        delayedEvents.longestDelayMs = reader.duration(root, "max_event_delay_duration")
        if delayedEvents.longestDelayMs == 0 {
            reader.refuse(
                root["max_event_delay_duration"], "max_event_delay_duration",
                "must be longer than nothing; leave it out to have nothing sent later")
        }
        delayedEvents.mostPerUser =
            reader.integer(root, "max_delayed_events_per_user", range: 0...100_000) ?? delayedEvents.mostPerUser
        reader.rate(root, "rc_delayed_event_mgmt", into: &rates.delayedEventManagement)
    }
}
