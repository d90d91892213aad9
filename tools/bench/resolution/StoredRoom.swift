import MatrixEvents
import MatrixIdentifiers
import RoomVersions
import StateResolution

/// A room as a store has it: bytes that are parsed when they are read, rows, citations.
struct StoredRoom: ResolutionSource {
    private struct Pair: Hashable {
        let type: String
        let stateKey: String
    }

    /// What was read.
    final class Reads {
        var rows = 0
        var citations = 0
        var pdus = 0
    }

    let version: RoomVersion
    let reads = Reads()
    private var bytes: [UInt8] = []
    private var ends: [Int] = []
    private var rows: [AuthIndexRow] = []
    private var citing: [[EventNumber]] = []
    private var eventIDs: [EventID] = []
    private var slots: [Pair: StateSlot] = [:]

    init(version: RoomVersion) { self.version = version }

    var count: Int { rows.count }
    var citationCount: Int { citing.reduce(0) { $0 + $1.count } }

    mutating func append(
        _ event: [UInt8], eventID: EventID, authEvents: [EventNumber]
    ) throws -> (number: EventNumber, slot: StateSlot) {
        let pdu = try PDU(parsing: event, version: version)
        let number = EventNumber(UInt32(rows.count))
        let pair = Pair(type: pdu.type, stateKey: pdu.stateKey ?? "")
        let slot = slots[pair] ?? StateSlot(UInt32(slots.count))
        slots[pair] = slot
        bytes += event
        ends.append(bytes.count)
        eventIDs.append(eventID)
        rows.append(AuthIndexRow(pdu: pdu, slot: slot, authEvents: authEvents))
        citing.append([])
        for authEvent in authEvents { citing[Int(authEvent.rawValue)].append(number) }
        return (number, slot)
    }

    func authRow(of event: EventNumber) throws -> AuthIndexRow {
        guard event.rawValue < rows.count else { throw ResolutionError.unknownEvent(event) }
        reads.rows += 1
        return rows[Int(event.rawValue)]
    }

    func citations(of event: EventNumber, below bound: EventNumber?, limit: Int) throws -> [EventNumber] {
        let all = citing[Int(event.rawValue)]
        var end = all.count
        if let bound {
            var low = 0
            while low < end {
                let middle = (low + end) / 2
                if all[middle] < bound { low = middle + 1 } else { end = middle }
            }
        }
        reads.citations += min(end, limit)
        return all[..<end].suffix(limit).reversed()
    }

    func pdu(of event: EventNumber) throws -> PDU {
        reads.pdus += 1
        let index = Int(event.rawValue)
        let start = index == 0 ? 0 : ends[index - 1]
        return try PDU(parsing: Array(bytes[start..<ends[index]]), version: version)
    }

    func eventID(of event: EventNumber) throws -> EventID { eventIDs[Int(event.rawValue)] }

    func slot(type: String, stateKey: String) -> StateSlot? { slots[Pair(type: type, stateKey: stateKey)] }

    func createEvent() -> EventNumber? { rows.isEmpty ? nil : EventNumber(0) }
}
