internal import CanonicalJSON
internal import MatrixEvents
internal import MatrixIdentifiers
internal import RoomVersions

/// What one resolution has read of its room.
///
/// It checks what the source gives, so that the steps can rely on it: an event has a greater number than its auth events,
/// hence walking down or up the auth events comes to an end.
final class ResolutionReader {
    /// How many PDUs are kept: enough for an ordinary fork to be read once, and a bound for the largest.
    private static let keptPDUs = 4_096

    let version: RoomVersion
    private let source: any ResolutionSource
    private let newest: EventNumber?
    private var rows: [EventNumber: AuthIndexRow] = [:]
    private var pdus: [EventNumber: PDU] = [:]
    private var memberships: [EventNumber: Membership?] = [:]
    private var levels: [LevelsSource: PowerLevels] = [:]

    private struct LevelsSource: Hashable {
        let powerLevels: EventNumber?
        let create: EventNumber?
    }

    /// The slot of the power levels; nil when the room never had any.
    let powerLevelsSlot: StateSlot?
    let createSlot: StateSlot?
    let joinRulesSlot: StateSlot?
    let createEvent: EventNumber?
    let createEventID: EventID?

    init(source: any ResolutionSource, version: RoomVersion, newest: EventNumber?) throws {
        self.source = source
        self.version = version
        self.newest = newest
        powerLevelsSlot = try source.slot(type: "m.room.power_levels", stateKey: "")
        createSlot = try source.slot(type: "m.room.create", stateKey: "")
        joinRulesSlot = try source.slot(type: "m.room.join_rules", stateKey: "")
        createEvent = try source.createEvent()
        createEventID = try createEvent.map(source.eventID(of:))
    }

    func row(of event: EventNumber) throws -> AuthIndexRow {
        if let row = rows[event] { return row }
        let row = try source.authRow(of: event)
        for authEvent in row.authEvents where authEvent >= event {
            throw ResolutionError.notInOrder(event, authEvent: authEvent)
        }
        rows[event] = row
        return row
    }

    /// A page of the state events that cite an event, newest first.
    func citations(of event: EventNumber, below bound: EventNumber?, limit: Int) throws -> [EventNumber] {
        var last = bound
        if last == nil, let newest, newest.rawValue < .max { last = EventNumber(newest.rawValue + 1) }
        let page = try source.citations(of: event, below: last, limit: limit)
        for citing in page {
            guard citing > event else { throw ResolutionError.notInOrder(citing, authEvent: event) }
            if let last, citing >= last { throw ResolutionError.damagedRow(event) }
            last = citing
        }
        return page
    }

    func pdu(of event: EventNumber) throws -> PDU {
        if let pdu = pdus[event] { return pdu }
        let pdu = try source.pdu(of: event)
        if pdus.count >= Self.keptPDUs { pdus.removeAll(keepingCapacity: true) }
        pdus[event] = pdu
        // Who is a member is asked again and again, long after the PDU has been let go.
        if pdu.type.hasSameBytes(as: "m.room.member") { memberships[event] = .some(Membership(content: pdu.content)) }
        return pdu
    }

    /// The membership that a member event gives.
    func membership(in event: EventNumber) throws -> Membership? {
        if let known = memberships[event] { return known }
        _ = try pdu(of: event)
        return memberships[event] ?? nil
    }

    func eventID(of event: EventNumber) throws -> EventID { try source.eventID(of: event) }

    func slot(type: String, stateKey: String) throws -> StateSlot? {
        if stateKey.isEmpty {
            if type.hasSameBytes(as: "m.room.power_levels") { return powerLevelsSlot }
            if type.hasSameBytes(as: "m.room.create") { return createSlot }
            if type.hasSameBytes(as: "m.room.join_rules") { return joinRulesSlot }
        }
        return try source.slot(type: type, stateKey: stateKey)
    }

    /// The auth event that an event names for a slot; the first one, should it name several.
    func authEvent(of row: AuthIndexRow, at slot: StateSlot?) throws -> EventNumber? {
        guard let slot else { return nil }
        for authEvent in row.authEvents where try self.row(of: authEvent).slot == slot { return authEvent }
        return nil
    }

    /// The levels that a power levels event and a create event make, parsed once.
    func powerLevels(_ powerLevels: EventNumber?, create: EventNumber?) throws -> PowerLevels {
        let key = LevelsSource(powerLevels: powerLevels, create: create)
        if let known = levels[key] { return known }
        let parsed = PowerLevels(
            content: try powerLevels.map { try pdu(of: $0).content },
            create: try create.map { try pdu(of: $0) },
            version: version
        )
        if levels.count >= Self.keptPDUs { levels.removeAll(keepingCapacity: true) }
        levels[key] = parsed
        return parsed
    }
}
