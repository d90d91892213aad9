/// The first part of the full conflicted set, which is resolved before all else.
enum PowerEventSelection {
    /// "Select the set *X* of all *power events* that appear in the *full conflicted set*. For each such power event *P*,
    /// enlarge *X* by adding the events in the auth chain of *P* which also belong to the full conflicted set."
    static func select(from conflicted: FullConflictedSet, reader: ResolutionReader) throws -> Set<EventNumber> {
        var selected: Set<EventNumber> = []
        var visited: Set<EventNumber> = []
        var pending: [EventNumber] = []
        for event in conflicted.events where try reader.row(of: event).isPowerEvent {
            selected.insert(event)
            visited.insert(event)
            pending.append(event)
        }
        while let event = pending.popLast() {
            for authEvent in try reader.row(of: event).authEvents where !visited.contains(authEvent) {
                let isConflicted = conflicted.events.contains(authEvent)
                guard isConflicted || conflicted.between.contains(authEvent) else { continue }
                visited.insert(authEvent)
                pending.append(authEvent)
                if isConflicted { selected.insert(authEvent) }
            }
        }
        return selected
    }
}
