internal import MatrixEvents
internal import MatrixIdentifiers

extension NaiveResolution {
    /// "The *reverse topological power ordering* of a set of events is the lexicographically smallest topological ordering
    /// based on the DAG formed by auth events. […] ordered from earliest event to latest."
    ///
    /// "The reverse topological power ordering can be found by sorting the events using Kahn's algorithm for topological
    /// sorting, and at each step selecting, among all the candidate vertices, the smallest vertex using the above comparison
    /// relation."
    mutating func reverseTopologicalPowerOrdering(_ set: Set<EventID>) -> [EventID] {
        var waiting = set
        var list: [EventID] = []
        while !waiting.isEmpty {
            // Candidates have no auth event that still waits. A loop in the graph, which only v1 and v2 IDs allow, has none.
            let candidates = waiting.filter { events[$0]?.authEvents.allSatisfy { !waiting.contains($0) } ?? true }
            guard let smallest = candidates.min(by: { precedesByPower($0, $1) }) else { break }
            if candidates.contains(where: { $0 != smallest && hasSamePower($0, smallest) }) { trace.powerTies += 1 }
            waiting.remove(smallest)
            list.append(smallest)
        }
        return list
    }

    /// "for events *x* and *y*, *x* < *y* if […]"
    private func precedesByPower(_ x: EventID, _ y: EventID) -> Bool {
        guard let first = events[x], let second = events[y] else { return x < y }
        // "1. *x*'s sender has *greater* power level than *y*'s sender, when looking at their respective `auth_event`s; or"
        let levels = (powerLevelOfSender(first), powerLevelOfSender(second))
        if levels.0 != levels.1 { return levels.0 > levels.1 }
        // "2. the senders have the same power level, but *x*'s `origin_server_ts` is *less* than *y*'s `origin_server_ts`;"
        if first.originServerTS != second.originServerTS { return first.originServerTS < second.originServerTS }
        // "3. the senders have the same power level and the events have the same `origin_server_ts`, but *x*'s `event_id` is
        // *less* than *y*'s `event_id`."
        return x < y
    }

    private func hasSamePower(_ x: EventID, _ y: EventID) -> Bool {
        guard let first = events[x], let second = events[y] else { return false }
        return powerLevelOfSender(first) == powerLevelOfSender(second)
    }

    /// The level of the sender by the event's own auth events.
    private func powerLevelOfSender(_ pdu: PDU) -> Int64 {
        let levels = authEvent(NaiveStateKey("m.room.power_levels"), of: pdu).flatMap { events[$0] }
        let create = (createByRoomID ?? authEvent(NaiveStateKey("m.room.create"), of: pdu)).flatMap { events[$0] }
        return PowerLevels(content: levels?.content, create: create, version: version).level(of: pdu.sender)
    }

    /// "Starting with *i* = 0, repeatedly fetch *P*ᵢ₊₁, the `m.room.power_levels` event in the `auth_events` of *Pᵢ*.
    /// Increment *i* and repeat until *Pᵢ* has no `m.room.power_levels` event in its `auth_events`."
    func mainline(of powerLevels: EventID?) -> [EventID] {
        var list: [EventID] = []
        var next = powerLevels
        while let current = next, let pdu = events[current], !list.contains(current) {
            list.append(current)
            next = authEvent(NaiveStateKey("m.room.power_levels"), of: pdu)
        }
        return list
    }

    /// "Find the smallest index *j* ≥ 1 for which *eⱼ* belongs to the mainline of *P*. If such a *j* exists, then *eⱼ* =
    /// *Pᵢ* for some unique index *i* ≥ 0. Otherwise set *i* = ∞".
    func mainlinePosition(of eventID: EventID, on mainline: [EventID]) -> Int {
        guard let event = events[eventID] else { return .max }
        // "Note that the event we started with, *e₀*, is not included in this list."
        let own = self.mainline(of: authEvent(NaiveStateKey("m.room.power_levels"), of: event))
        for candidate in own {
            if let position = mainline.firstIndex(of: candidate) { return position }
        }
        return .max
    }

    /// "the *mainline ordering based on* *P* of a set of events is the ordering, from smallest to largest, using the
    /// following comparison relation on events:"
    mutating func mainlineOrdering(_ set: Set<EventID>, basedOn powerLevels: EventID?) -> [EventID] {
        let mainline = mainline(of: powerLevels)
        let ranks = set.compactMap { eventID -> (position: Int, time: Int64, eventID: EventID)? in
            guard let event = events[eventID] else { return nil }
            return (mainlinePosition(of: eventID, on: mainline), event.originServerTS, eventID)
        }
        let sorted = ranks.sorted { x, y in
            // "1. the mainline position of *x* is **greater** than the mainline position of *y*"
            if x.position != y.position { return x.position > y.position }
            // "2. the mainline positions of the events are the same, but *x*'s `origin_server_ts` is *less*"
            if x.time != y.time { return x.time < y.time }
            // "3. the mainline positions of the events are the same and the events have the same `origin_server_ts`, but
            // *x*'s `event_id` is *less* than *y*'s `event_id`."
            return x.eventID < y.eventID
        }
        for (x, y) in zip(sorted, sorted.dropFirst()) where x.position == y.position && x.time == y.time {
            trace.orderTies += 1
        }
        return sorted.map(\.eventID)
    }
}
