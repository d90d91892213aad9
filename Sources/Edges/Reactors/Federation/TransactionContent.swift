import CanonicalJSON
import EventLog
import LogEvents
import MatrixEvents
import MatrixIdentifiers
import Queries
import ReadModel

/// Puts the content of a transaction together.
struct TransactionContent: Sendable {
    /// "Must not include more than 50 PDUs." "Must not include more than 100 EDUs."
    static let mostPDUs = 50
    static let mostEDUs = EDU.maximumInTransaction
    /// Roughly; a single item may be more.
    private static let mostBytes = 4 << 20

    let log: any EventLog
    let lists: DeviceListStream
    let accounts: AccountQueries
    let presence: PresenceState?
    let namesDevices: Bool

    private(set) var pdus: [JSONValue] = []
    private(set) var edus: [EDU] = []
    /// So many of the items are in it.
    private(set) var itemCount = 0
    private var bytes = 0

    init(
        log: any EventLog, lists: DeviceListStream, accounts: AccountQueries, presence: PresenceState?,
        namesDevices: Bool
    ) {
        self.log = log
        self.lists = lists
        self.accounts = accounts
        self.presence = presence
        self.namesDevices = namesDevices
    }

    var isEmpty: Bool { pdus.isEmpty && edus.isEmpty }

    /// Adds items as long as they fit, and what may be lost where there is room.
    mutating func fill(_ items: [OutgoingItem], mail: [EphemeralMail.Entry], nowMs: Int64) throws {
        for item in items {
            guard try add(item) else { break }
            itemCount += 1
        }
        guard edus.count < Self.mostEDUs, !mail.isEmpty else { return }
        let others = try EphemeralMail.edus(mail, nowMs: nowMs) { try update(of: $0) }
        edus += others.prefix(Self.mostEDUs - edus.count)
    }

    private mutating func add(_ item: OutgoingItem) throws -> Bool {
        if itemCount > 0, bytes >= Self.mostBytes { return false }
        switch item.content {
        case .pdu(let position, _):
            guard pdus.count < Self.mostPDUs else { return false }
            guard let record = try log.record(at: position), record.kind == .pduRecorded, !record.payload.isEmpty,
                let pdu = try JSONObject.parse(try PDURecorded(payload: record.payload).pdu, limits: .historicalPDU)
            else { return true }
            bytes += record.payload.count
            pdus.append(.object(pdu))
        case .toDevice:
            guard edus.count < Self.mostEDUs else { return false }
            guard let record = try log.record(at: item.position), !record.payload.isEmpty else { return true }
            let fact = try ToDeviceForwarded(payload: record.payload)
            bytes += record.payload.count
            let content: JSONObject = [
                "sender": .string(fact.sender), "type": .string(fact.type), "message_id": .string(fact.messageID),
                "messages": .object(fact.messages),
            ]
            edus.append(EDU(type: "m.direct_to_device", content: content))
        case .deviceList(let user):
            let updates = try lists.updates(of: user, at: item.position, namesDevices: namesDevices)
            guard edus.count + updates.count <= Self.mostEDUs else { return false }
            bytes += updates.count * 1024
            edus += updates
        }
        return true
    }

    private func update(of user: UserID) throws -> JSONObject? {
        guard let presence, presence.isEnabled, let number = try accounts.number(of: user) else { return nil }
        let entry = presence.presence(of: number)
        var update: JSONObject = [
            "user_id": .string(user.rawValue), "presence": .string(entry.availability.rawValue),
            "currently_active": .bool(entry.isActive),
            // "required: ['user_id', 'presence', 'last_active_ago']"
            "last_active_ago": .integer(presence.lastActiveAgo(entry) ?? 0),
        ]
        if let message = entry.statusMessage { update["status_msg"] = .string(message) }
        return update
    }

    func body(origin: ServerName, nowMs: Int64) -> JSONObject {
        var body: JSONObject = [
            "origin": .string(origin.rawValue), "origin_server_ts": .integer(nowMs), "pdus": .array(pdus),
        ]
        if !edus.isEmpty { body["edus"] = .array(edus.map { .object($0.object) }) }
        return body
    }
}
