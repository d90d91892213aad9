package import MatrixEvents
package import MatrixIdentifiers

/// One room's state events and their auth index, in memory.
package struct MemoryResolutionSource: ResolutionSource, Sendable {
    private struct SlotName: Hashable {
        let type: [UInt8]
        let stateKey: [UInt8]
    }

    private var rows: [AuthIndexRow] = []
    private var citing: [[EventNumber]] = []
    private var pdus: [PDU] = []
    private var eventIDs: [EventID] = []
    private var numbers: [EventID: EventNumber] = [:]
    private var slots: [SlotName: StateSlot] = [:]
    private var create: EventNumber?

    package init() {}

    /// Adds a state event after its auth events; one that is there already keeps its number.
    @discardableResult
    package mutating func append(_ pdu: PDU, eventID: EventID, isRejected: Bool = false) throws -> EventNumber {
        if let known = numbers[eventID] { return known }
        guard let stateKey = pdu.stateKey else { throw ResolutionError.notAStateEvent(eventID) }
        var authEvents: [EventNumber] = []
        for authEventID in pdu.authEvents {
            guard let number = numbers[authEventID] else { throw ResolutionError.unknownAuthEvent(authEventID) }
            authEvents.append(number)
        }
        guard let raw = UInt32(exactly: rows.count) else { throw ResolutionError.tooMany }
        let number = EventNumber(raw)
        let slot = try slotInterning(type: pdu.type, stateKey: stateKey)
        rows.append(AuthIndexRow(pdu: pdu, slot: slot, authEvents: authEvents, isRejected: isRejected))
        citing.append([])
        for authEvent in Set(authEvents) { citing[Int(authEvent.rawValue)].append(number) }
        pdus.append(pdu)
        eventIDs.append(eventID)
        numbers[eventID] = number
        if create == nil, pdu.type.hasSameBytes(as: "m.room.create"), stateKey.isEmpty { create = number }
        return number
    }

    /// Says anew whether an event is rejected: one that is first known without its place may be found to be.
    package mutating func judge(_ event: EventNumber, isRejected: Bool) throws {
        let index = try index(of: event)
        if rows[index].isRejected != isRejected { rows[index].isRejected = isRejected }
    }

    /// The number of a state event; nil when it was never added.
    package func number(of eventID: EventID) -> EventNumber? { numbers[eventID] }

    /// How many state events there are.
    package var count: Int { rows.count }

    /// The slot of a pair, which gets a number when it has none.
    package mutating func slotInterning(type: String, stateKey: String) throws -> StateSlot {
        let name = SlotName(type: Array(type.utf8), stateKey: Array(stateKey.utf8))
        if let slot = slots[name] { return slot }
        guard let raw = UInt32(exactly: slots.count) else { throw ResolutionError.tooMany }
        slots[name] = StateSlot(raw)
        return StateSlot(raw)
    }

    package func authRow(of event: EventNumber) throws -> AuthIndexRow { try rows[index(of: event)] }

    package func citations(of event: EventNumber, below bound: EventNumber?, limit: Int) throws -> [EventNumber] {
        let all = try citing[index(of: event)]
        var end = all.count
        if let bound {
            var low = 0
            while low < end {
                let middle = (low + end) / 2
                if all[middle] < bound { low = middle + 1 } else { end = middle }
            }
        }
        return all[..<end].suffix(max(limit, 0)).reversed()
    }

    package func pdu(of event: EventNumber) throws -> PDU { try pdus[index(of: event)] }

    package func eventID(of event: EventNumber) throws -> EventID { try eventIDs[index(of: event)] }

    package func slot(type: String, stateKey: String) -> StateSlot? {
        slots[SlotName(type: Array(type.utf8), stateKey: Array(stateKey.utf8))]
    }

    package func createEvent() -> EventNumber? { create }

    private func index(of event: EventNumber) throws -> Int {
        guard event.rawValue < rows.count else { throw ResolutionError.unknownEvent(event) }
        return Int(event.rawValue)
    }
}
