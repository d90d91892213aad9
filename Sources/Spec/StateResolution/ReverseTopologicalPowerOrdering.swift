internal import MatrixEvents
internal import MatrixIdentifiers
internal import RoomVersions

/// The reverse topological power ordering.
///
/// "The *reverse topological power ordering* of a set of events is the lexicographically smallest topological ordering based on
/// the DAG formed by auth events. The reverse topological power ordering is ordered from earliest event to latest."
enum ReverseTopologicalPowerOrdering {
    static func sort(_ events: Set<EventNumber>, reader: ResolutionReader) throws -> [EventNumber] {
        let ranked = try rank(events, reader: reader)
        var ranks: [EventNumber: Int] = [:]
        for (rank, event) in ranked.enumerated() { ranks[event] = rank }
        // The edges: from each event to those of the set that name it among their auth events.
        var waitingFor = [Int](repeating: 0, count: ranked.count)
        var citing = [[Int]](repeating: [], count: ranked.count)
        for (rank, event) in ranked.enumerated() {
            for authEvent in try reader.row(of: event).authEvents {
                guard let below = ranks[authEvent] else { continue }
                waitingFor[rank] += 1
                citing[below].append(rank)
            }
        }
        // "sorting the events using Kahn's algorithm for topological sorting, and at each step selecting, among all the
        // candidate vertices, the smallest vertex using the above comparison relation."
        var candidates = RankHeap()
        for rank in ranked.indices where waitingFor[rank] == 0 { candidates.push(rank) }
        var result: [EventNumber] = []
        result.reserveCapacity(ranked.count)
        while let rank = candidates.popLeast() {
            result.append(ranked[rank])
            for above in citing[rank] {
                waitingFor[above] -= 1
                if waitingFor[above] == 0 { candidates.push(above) }
            }
        }
        return result
    }

    /// Sorts by the comparison relation alone:
    ///
    /// "1. *x*'s sender has *greater* power level than *y*'s sender, when looking at their respective `auth_event`s; or
    /// 2. the senders have the same power level, but *x*'s `origin_server_ts` is *less* than *y*'s `origin_server_ts`; or
    /// 3. […] *x*'s `event_id` is *less* than *y*'s `event_id`."
    private static func rank(_ events: Set<EventNumber>, reader: ResolutionReader) throws -> [EventNumber] {
        var sortable: [SortedEvent] = []
        sortable.reserveCapacity(events.count)
        for event in events {
            let row = try reader.row(of: event)
            let power = try senderPower(of: event, row: row, reader: reader)
            // The complement turns greatest first into least first, and cannot overflow as a negation could.
            sortable.append(SortedEvent(event: event, order: ~power, originServerTS: row.originServerTS))
        }
        return try reader.sorted(sortable)
    }

    private static func senderPower(
        of event: EventNumber, row: AuthIndexRow, reader: ResolutionReader
    ) throws -> Int64 {
        let powerLevels = try reader.authEvent(of: row, at: reader.powerLevelsSlot)
        // v12: the create event is no auth event; the room ID stands for it.
        let create =
            reader.version.createNotInAuthEvents
            ? reader.createEvent : try reader.authEvent(of: row, at: reader.createSlot)
        return try reader.powerLevels(powerLevels, create: create).level(of: reader.pdu(of: event).sender)
    }
}
