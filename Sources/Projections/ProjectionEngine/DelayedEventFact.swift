import EventLog
package import LogEvents

/// What a record says about delayed events.
package enum DelayedEventFact: Sendable {
    case scheduled(DelayedEventScheduled)
    case restarted(DelayedEventRestarted)
    case finalised(DelayedEventFinalised)

    /// Nil for a record that is about something else.
    init?(_ record: EventRecord) throws(PayloadError) {
        switch record.kind {
        case .delayedEventScheduled: self = .scheduled(try DelayedEventScheduled(payload: record.payload))
        case .delayedEventRestarted: self = .restarted(try DelayedEventRestarted(payload: record.payload))
        case .delayedEventFinalised: self = .finalised(try DelayedEventFinalised(payload: record.payload))
        default: return nil
        }
    }

    package var userID: String {
        switch self {
        case .scheduled(let fact): fact.userID
        case .restarted(let fact): fact.userID
        case .finalised(let fact): fact.userID
        }
    }
}
