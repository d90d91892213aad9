import InboundPDU
import MatrixEvents
import MatrixIdentifiers

/// Puts events of a graph into an order in which each stands behind those that it follows.
enum GraphOrder {
    /// Events of a circle, which no honest server makes, are left out.
    static func sorted(_ events: [ReceivedPDU]) -> [ReceivedPDU] {
        var byID: [EventID: ReceivedPDU] = [:]
        for event in events { byID[event.eventID] = event }
        var waitingFor: [EventID: Int] = [:]
        var followers: [EventID: [EventID]] = [:]
        for (eventID, event) in byID {
            let previous = Set(event.pdu.prevEvents).filter { byID[$0] != nil }
            waitingFor[eventID] = previous.count
            for each in previous { followers[each, default: []].append(eventID) }
        }
        func isBefore(_ left: EventID, _ right: EventID) -> Bool {
            let (one, other) = (byID[left]?.pdu.depth ?? 0, byID[right]?.pdu.depth ?? 0)
            return one != other ? one < other : left.rawValue.utf8.lexicographicallyPrecedes(right.rawValue.utf8)
        }
        var ready = waitingFor.filter { $0.value == 0 }.map(\.key).sorted(by: isBefore)
        var order: [ReceivedPDU] = []
        var next = 0
        while next < ready.count {
            let eventID = ready[next]
            next += 1
            if let event = byID[eventID] { order.append(event) }
            var freed: [EventID] = []
            for follower in followers[eventID] ?? [] {
                let left = (waitingFor[follower] ?? 1) - 1
                waitingFor[follower] = left
                if left == 0 { freed.append(follower) }
            }
            ready += freed.sorted(by: isBefore)
        }
        return order
    }
}
