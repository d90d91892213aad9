import MatrixEvents
import MatrixIdentifiers

@testable import StateResolution

/// An auth graph without events: rows and citations only.
struct FastGraphFixture: ResolutionSource {
    struct NoEvents: Error {}

    var rows: [AuthIndexRow] = []

    /// A random graph whose slots are filled again and again.
    init(eventCount: Int, slotCount: Int, using random: inout some RandomNumberGenerator) {
        for number in 0..<eventCount {
            var authEvents: Set<Int> = []
            if number > 0 {
                for _ in 0..<Int.random(in: 0...4, using: &random) {
                    let nearest = Bool.random(using: &random) ? max(0, number - 6) : 0
                    authEvents.insert(Int.random(in: nearest..<number, using: &random))
                }
            }
            rows.append(
                AuthIndexRow(
                    slot: StateSlot(UInt32.random(in: 0..<UInt32(slotCount), using: &random)),
                    originServerTS: Int64.random(in: 0..<5, using: &random),
                    authEvents: authEvents.map { EventNumber(UInt32($0)) },
                    isPowerEvent: Int.random(in: 0..<4, using: &random) == 0,
                    isRejected: false
                ))
        }
    }

    init(rows: [AuthIndexRow]) { self.rows = rows }

    func authRow(of event: EventNumber) throws -> AuthIndexRow {
        guard event.rawValue < rows.count else { throw ResolutionError.unknownEvent(event) }
        return rows[Int(event.rawValue)]
    }

    func citations(of event: EventNumber, below bound: EventNumber?, limit: Int) -> [EventNumber] {
        let all = rows.indices.reversed().map { EventNumber(UInt32($0)) }.filter { citing in
            rows[Int(citing.rawValue)].authEvents.contains(event) && bound.map { citing < $0 } != false
        }
        return Array(all.prefix(limit))
    }

    func pdu(of event: EventNumber) throws -> PDU { throw NoEvents() }
    func eventID(of event: EventNumber) throws -> EventID { throw NoEvents() }
    func slot(type: String, stateKey: String) -> StateSlot? { nil }
    func createEvent() -> EventNumber? { nil }

    /// The auth chain, by definition.
    func authChain(of events: some Sequence<EventNumber>) -> Set<EventNumber> {
        var chain: Set<EventNumber> = []
        var pending = Array(events)
        while let event = pending.popLast() {
            for authEvent in rows[Int(event.rawValue)].authEvents where chain.insert(authEvent).inserted {
                pending.append(authEvent)
            }
        }
        return chain
    }

    /// A state of events that have smaller numbers than `limit`: each slot's newest, or now and then an older one or none.
    func state(below limit: Int, using random: inout some RandomNumberGenerator) -> [StateSlot: EventNumber] {
        var state: [StateSlot: EventNumber] = [:]
        for number in 0..<limit where Int.random(in: 0..<8, using: &random) > 0 {
            state[rows[number].slot] = EventNumber(UInt32(number))
        }
        return state
    }
}
