/// One state of a room, asked slot by slot and never walked.
package protocol StateLookup {
    /// The event that holds a slot; nil when none does.
    func event(at slot: StateSlot) throws -> EventNumber?
}

/// A state held in a dictionary.
package struct DictionaryState: StateLookup, Sendable {
    package var events: [StateSlot: EventNumber]

    package init(_ events: [StateSlot: EventNumber] = [:]) { self.events = events }

    package func event(at slot: StateSlot) -> EventNumber? { events[slot] }
}
