/// The mainline ordering based on an `m.room.power_levels` event.
struct MainlineOrdering {
    private let reader: ResolutionReader
    /// "[*P_0*, *P_1*, ... , *P_n*]", as far as it was asked for. The numbers fall.
    private var mainline: [EventNumber] = []
    private var isMainlineWhole: Bool
    /// For each power levels event that was met, its position, or that of the first one below it which is in the mainline.
    private var positions: [EventNumber: Int64] = [:]

    /// "∞ is a sentinel value greater than any integer."
    private static let infinity = Int64.max

    private init(basedOn powerLevels: EventNumber?, reader: ResolutionReader) {
        self.reader = reader
        isMainlineWhole = powerLevels == nil
        if let powerLevels {
            mainline = [powerLevels]
            positions[powerLevels] = 0
        }
    }

    /// Sorts events; without power levels no event has a position in the mainline.
    ///
    /// "*x* < *y* if 1. the mainline position of *x* is **greater** than the mainline position of *y* […]; or 2. the mainline
    /// positions of the events are the same, but *x*'s `origin_server_ts` is *less* than *y*'s `origin_server_ts`; or 3. […]
    /// *x*'s `event_id` is *less* than *y*'s `event_id`."
    static func sort(
        _ events: some Sequence<EventNumber>, basedOn powerLevels: EventNumber?, reader: ResolutionReader
    ) throws -> [EventNumber] {
        var ordering = MainlineOrdering(basedOn: powerLevels, reader: reader)
        var sortable: [SortedEvent] = []
        for event in events {
            let row = try reader.row(of: event)
            let position = try ordering.position(of: row)
            // The complement turns greatest first into least first.
            sortable.append(SortedEvent(event: event, order: ~position, originServerTS: row.originServerTS))
        }
        return try reader.sorted(sortable)
    }

    /// "Find the smallest index *j* ≥ 1 for which *e_j* belongs to the mainline of *P*. If such a *j* exists, then *e_j* =
    /// *P_i* for some unique index *i* ≥ 0. Otherwise set *i* = ∞".
    private mutating func position(of row: AuthIndexRow) throws -> Int64 {
        var passed: [EventNumber] = []
        var position = Self.infinity
        var next = try reader.authEvent(of: row, at: reader.powerLevelsSlot)
        while let powerLevels = next {
            try extendMainline(downTo: powerLevels)
            if let known = positions[powerLevels] {
                position = known
                break
            }
            passed.append(powerLevels)
            next = try reader.authEvent(of: reader.row(of: powerLevels), at: reader.powerLevelsSlot)
        }
        for powerLevels in passed { positions[powerLevels] = position }
        return position
    }

    /// "repeatedly fetch *P_{i+1}*, the `m.room.power_levels` event in the `auth_events` of *P_i*", as far as a
    /// question about `event` needs.
    private mutating func extendMainline(downTo event: EventNumber) throws {
        while !isMainlineWhole, let last = mainline.last, last > event {
            guard let next = try reader.authEvent(of: reader.row(of: last), at: reader.powerLevelsSlot) else {
                isMainlineWhole = true
                return
            }
            positions[next] = Int64(mainline.count)
            mainline.append(next)
        }
    }
}
