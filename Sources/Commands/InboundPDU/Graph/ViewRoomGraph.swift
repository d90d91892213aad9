package import Decisions
package import EventLog
package import KeyValueStore
import LogEvents
package import MatrixEvents
package import MatrixIdentifiers
package import ReadModel
import RoomVersions
package import StateResolution

/// The graph of a room in the views, for the time of one read; PDUs come from the log.
///
/// A number is the distance from the room's first state event in the log, so nothing translates numbers to positions. An
/// event that was recorded twice has the number of its first record.
package struct ViewRoomGraph: RoomGraph, StoreReader {
    package let handle: StoreTransactionHandle
    private let tables: ViewTables
    private let room: RoomNum
    private let head: RoomHead
    private let newest: LogPosition
    /// The position whose number is 0.
    private let origin: UInt64
    private let record: (LogPosition) throws -> EventRecord?

    /// - Returns: nil for a room without a head.
    package init?(
        _ transaction: borrowing ReadTransaction, _ tables: ViewTables, _ views: Views, room roomID: RoomID,
        record: @escaping (LogPosition) throws -> EventRecord?
    ) throws {
        guard let room = try transaction.room(tables, roomID.rawValue),
            let head = try transaction.roomHead(tables, room)
        else { return nil }
        handle = transaction.handle
        self.tables = tables
        self.room = room
        self.head = head
        newest = try views.head(in: transaction)
        origin = try transaction.firstAuthRow(tables, room)?.rawValue ?? newest.rawValue
        self.record = record
    }

    /// How many records of the room's stream these views include.
    package var streamVersion: UInt64 { head.streamVersion }

    // MARK: Numbers

    private func number(at position: LogPosition) throws -> EventNumber {
        guard position.rawValue >= origin, let raw = UInt32(exactly: position.rawValue - origin) else {
            throw ResolutionError.tooMany
        }
        return EventNumber(raw)
    }

    private func position(_ event: EventNumber) -> LogPosition {
        LogPosition(rawValue: origin + UInt64(event.rawValue))
    }

    /// The number of the event that holds an entry, wherever it was recorded.
    private func number(ofHolder position: LogPosition) throws -> EventNumber? {
        if position == .none { return nil }
        let original = try authRow(tables, room, position)?.original ?? .none
        return try number(at: original == .none ? position : original)
    }

    package var nextNumber: EventNumber {
        get throws { try number(at: newest.next) }
    }

    package func number(of eventID: EventID) throws -> EventNumber? {
        guard let position = try firstEventPosition(tables, eventID.rawValue),
            try authRow(tables, room, position) != nil
        else { return nil }
        return try number(at: position)
    }

    // MARK: States

    package var current: GraphState { GraphState(base: newest.rawValue) }

    package func holder(of slot: StateSlot, asOf base: UInt64) throws -> EventNumber? {
        try number(
            ofHolder: try stateHolder(
                tables, room, SlotNum(rawValue: slot.rawValue), asOf: LogPosition(rawValue: base)))
    }

    package func changedSlots(after start: UInt64, upTo end: UInt64) throws -> Set<StateSlot> {
        let slots = try changedSlots(
            tables, room, after: LogPosition(rawValue: start), upTo: LogPosition(rawValue: end))
        return Set(slots.map { StateSlot($0.rawValue) })
    }

    package func entry(of slot: StateSlot) throws -> StateEntry {
        guard let name = try slotName(tables, SlotNum(rawValue: slot.rawValue)) else {
            throw GraphFault.unknownSlot(slot)
        }
        return StateEntry(name.type, name.stateKey)
    }

    package func state(after eventID: EventID) throws -> GraphState {
        try graphState(try snapshot(tables, room, after: try place(of: eventID)))
    }

    package func state(before eventID: EventID) throws -> GraphState {
        try graphState(try snapshot(tables, room, before: try place(of: eventID)))
    }

    private func place(of eventID: EventID) throws -> LogPosition {
        guard let position = try eventPosition(tables, eventID.rawValue) else {
            throw GraphFault.unknownEventID(eventID)
        }
        return position
    }

    private func graphState(_ snapshot: StateSnapshot) throws -> GraphState {
        var overlay: [StateSlot: EventNumber?] = [:]
        for (slot, holder) in snapshot.overlay {
            overlay[StateSlot(slot.rawValue)] = .some(try number(ofHolder: holder))
        }
        return GraphState(base: snapshot.base.rawValue, overlay: overlay)
    }

    /// All entries of the current state with the events that hold them.
    package func currentEntries() throws -> [StateEntry: EventID] {
        var entries: [StateEntry: EventID] = [:]
        try forEachStateEntry(tables, room) { row in
            guard row.holder != .none else { return true }
            guard let name = try slotName(tables, row.slot), let event = try eventRow(tables, row.holder) else {
                throw GraphFault.unknownSlot(StateSlot(row.slot.rawValue))
            }
            entries[StateEntry(name.type, name.stateKey)] = try EventID(parsing: event.eventID())
            return true
        }
        return entries
    }

    // MARK: Events

    package func followers(ofMissing eventID: EventID) throws -> [EventID] {
        guard head.gapCount > 0 else { return [] }
        return try followers(tables, room, ofMissing: eventID.rawValue).compactMap { position in
            try eventRow(tables, position).map { try EventID(parsing: $0.eventID()) }
        }
    }

    package func standing(of eventID: EventID) throws -> EventStanding? {
        guard let position = try eventPosition(tables, eventID.rawValue),
            let row = try eventRow(tables, position), row.room == room
        else { return nil }
        let verdict: PDURecorded.Verdict =
            row.flags.contains(.rejected) ? .rejected : row.flags.contains(.softFailed) ? .softFailed : .accepted
        return EventStanding(verdict: verdict, isOutlier: row.flags.contains(.outlier))
    }

    package func held(_ eventID: EventID) throws -> HeldPDU? {
        guard let position = try eventPosition(tables, eventID.rawValue) else { return nil }
        return HeldPDU(pdu: try pdu(at: position), eventID: eventID)
    }

    private func pdu(at position: LogPosition) throws -> PDU {
        guard let record = try record(position), record.kind == .pduRecorded else {
            throw BrokenLog(position: position)
        }
        let fact = try PDURecorded(payload: record.payload)
        guard let version = RoomVersion.named(fact.roomVersion) else { throw BrokenLog(position: position) }
        return try PDU(parsing: fact.pdu, version: version)
    }

    // MARK: ResolutionSource

    package func authRow(of event: EventNumber) throws -> AuthIndexRow {
        guard let row = try authRow(tables, room, position(event)) else { throw ResolutionError.unknownEvent(event) }
        return AuthIndexRow(
            slot: StateSlot(row.slot.rawValue),
            originServerTS: row.originServerTS,
            authEvents: try row.authEvents.map { try number(at: $0) },
            isPowerEvent: row.isPowerEvent,
            isRejected: row.isRejected
        )
    }

    package func citations(of event: EventNumber, below bound: EventNumber?, limit: Int) throws -> [EventNumber] {
        let end = bound.map { position($0) } ?? LogPosition(rawValue: .max)
        return try authCitations(tables, room, of: position(event), before: end, limit: limit)
            .map { try number(at: $0) }
    }

    package func pdu(of event: EventNumber) throws -> PDU { try pdu(at: position(event)) }

    package func eventID(of event: EventNumber) throws -> EventID {
        guard let row = try eventRow(tables, position(event)) else { throw ResolutionError.unknownEvent(event) }
        return try EventID(parsing: row.eventID())
    }

    package func slot(type: String, stateKey: String) throws -> StateSlot? {
        try slot(tables, type: type, stateKey: stateKey).map { StateSlot($0.rawValue) }
    }

    package func createEvent() throws -> EventNumber? { try number(ofHolder: head.createPosition) }
}

/// The log has no PDU where the views say there is one.
package struct BrokenLog: Error, Sendable, CustomStringConvertible {
    package let position: LogPosition

    package var description: String { "the log has no PDU at position \(position); run `engram log verify`" }
}
