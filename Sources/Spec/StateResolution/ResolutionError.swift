package import MatrixIdentifiers

/// Why states could not be resolved. Nothing of this comes from the algorithm: the caller's data is not what it must be.
package enum ResolutionError: Error, Sendable, Hashable {
    /// The source knows no state event of this number.
    case unknownEvent(EventNumber)
    /// An event names an auth event that is not known.
    case unknownAuthEvent(EventID)
    /// An event is not numbered after its auth events, as it is in a cycle.
    case notInOrder(EventNumber, authEvent: EventNumber)
    /// A state holds, in one slot, an event that belongs into another.
    case wrongSlot(EventNumber, StateSlot)
    /// An event without a state key cannot be in a state.
    case notAStateEvent(EventID)
    /// A stored row of the auth index cannot be read.
    case damagedRow(EventNumber)
    /// There are more events or slots than numbers.
    case tooMany
}
