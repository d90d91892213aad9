/// What one resolution met, so that a test can show that it was not vacuous.
package struct NaiveTrace: Sendable, Equatable {
    /// Keys with more than one value, or (v2 on) missing from a state.
    package var conflictedKeys = 0
    /// Power events in the full conflicted set; in v1 events that took part in a conflict of auth events.
    package var powerEvents = 0
    /// Events in the auth difference that are not in the conflicted state set.
    package var authDifference = 0
    /// Events of the conflicted state subgraph that are neither conflicted nor in the auth difference.
    package var subgraph = 0
    /// Neighbours that mainline position and time did not tell apart; in v1 those that depth did not.
    package var orderTies = 0
    /// Neighbours in the power ordering that only time or event ID told apart.
    package var powerTies = 0
    /// Events that the iterative auth checks refused.
    package var refused = 0
    /// Look-ups that the event's own auth events answered.
    package var fallBacks = 0
    /// Rejected events that stood in the way of such a look-up.
    package var rejectedAuthEvents = 0

    package init() {}
}
