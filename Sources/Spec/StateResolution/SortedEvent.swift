/// An event with what it is sorted by: an order of its own, then the time of sending, then its ID.
struct SortedEvent {
    let event: EventNumber
    /// What comes first, as a number whose least stands first.
    let order: Int64
    let originServerTS: Int64
}

extension ResolutionReader {
    /// Sorts; event IDs are read only where everything else is equal.
    ///
    /// "or the events have the same `origin_server_ts`, but *x*'s `event_id` is *less* than *y*'s `event_id`": compared by
    /// bytes, which in UTF-8 is the order of code points.
    func sorted(_ events: [SortedEvent]) throws -> [EventNumber] {
        func isBefore(_ left: SortedEvent, _ right: SortedEvent) -> Bool {
            left.order != right.order ? left.order < right.order : left.originServerTS < right.originServerTS
        }
        let rough = events.sorted(by: isBefore)
        var result: [EventNumber] = []
        result.reserveCapacity(rough.count)
        var start = 0
        while start < rough.count {
            var end = start + 1
            while end < rough.count, !isBefore(rough[start], rough[end]) { end += 1 }
            if end - start == 1 {
                result.append(rough[start].event)
            } else {
                let named = try rough[start..<end].map { (id: try eventID(of: $0.event), event: $0.event) }
                result += named.sorted { $0.id < $1.id }.map(\.event)
            }
            start = end
        }
        return result
    }
}
