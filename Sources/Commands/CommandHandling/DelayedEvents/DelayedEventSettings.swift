/// What users may have sent later.
package struct DelayedEventSettings: Sendable {
    /// `max_event_delay_duration`: nil turns delayed events off.
    package var longestDelayMs: Int64?
    /// `max_delayed_events_per_user`: how many of one user may be scheduled at a time.
    package var mostPerUser = 100

    package init() {}
}
