import CanonicalJSON
import EventLog
import LogEvents
import MatrixIdentifiers
import Queries
import ReadModel

/// Finds in the log what other servers must be told, and whom. Only the reactor's own task works with it.
struct OutgoingScan {
    private let log: any EventLog
    private let destinations: DestinationQueries
    private let lists: DeviceListStream
    private let rooms: RoomQueries
    /// The servers of rooms where something was sent lately.
    private var known: [RoomID: DestinationQueries.RoomServers] = [:]
    private static let mostKnown = 1024
    private static let chunk = 256

    private var own: ServerName { destinations.ownServer }

    init(log: any EventLog, destinations: DestinationQueries, lists: DeviceListStream) {
        self.log = log
        self.destinations = destinations
        self.lists = lists
        rooms = RoomQueries(views: destinations.views)
    }

    /// Something to tell, before it is known whom.
    private enum Candidate {
        /// - Parameters:
        ///   - concerned: the server of the member whom the event concerns.
        ///   - origin: who brought it.
        case event(OutgoingItem, at: LogPosition, room: RoomID, concerned: ServerName?, origin: ServerName?)
        case toDevice(OutgoingItem, ServerName)
        case deviceList(OutgoingItem, UserID)
        case receipt(ReceiptRecorded, room: RoomID)
    }

    struct News {
        var items: [(item: OutgoingItem, servers: [ServerName])] = []
        /// What may be lost.
        var mail: [(mail: EphemeralMail.Entry, servers: [ServerName])] = []
        /// How far was looked.
        var reached: LogPosition
    }

    // MARK: Looking

    /// Looks at some records behind `after`.
    mutating func news(after: LogPosition, upTo: LogPosition, limit: Int) throws -> News {
        var news = News(reached: after)
        try forEachRecord(after: after, upTo: upTo, limit: limit) { record in
            news.reached = record.position
            for candidate in try candidates(record) {
                switch candidate {
                case .event(let item, let position, let room, let concerned, let origin):
                    var servers = try self.servers(in: room, before: position)
                    if servers.isEmpty, try !wasHere(room, before: position) { continue }
                    if let concerned, concerned != own, !servers.contains(concerned) { servers.append(concerned) }
                    servers.removeAll { $0 == origin }
                    news.items.append((item, servers))
                case .toDevice(let item, let server): news.items.append((item, [server]))
                case .deviceList(let item, let user):
                    news.items.append((item, try destinations.servers(sharingWith: user).sorted()))
                case .receipt(let fact, let room):
                    let found = try destinations.servers(in: room, at: destinations.views.head)
                    guard found.includesOwn, let user = UserID(fact.userID) else { continue }
                    let mail = EphemeralMail.Entry(
                        key: .receipt(room, user, thread: fact.threadID),
                        content: .receipt(eventID: fact.eventID, atMs: fact.timestampMs))
                    news.mail.append((mail, found.others))
                }
            }
            return true
        }
        return news
    }

    /// What one destination must be told behind `after`.
    ///
    /// - Parameter newestOnly: of each room only the last event, of what is looked at.
    /// - Returns: what was found, and how far was looked.
    mutating func backlog(
        of server: ServerName, after: LogPosition, upTo: LogPosition, records: Int, items limit: Int, newestOnly: Bool
    ) throws -> (items: [OutgoingItem], reached: LogPosition) {
        var items: [OutgoingItem] = []
        var reached = after
        try forEachRecord(after: after, upTo: upTo, limit: records) { record in
            guard items.count < limit else { return false }
            reached = record.position
            for candidate in try candidates(record) {
                switch candidate {
                case .event(let item, let position, let room, let concerned, let origin):
                    guard server != origin else { continue }
                    let before = LogPosition(rawValue: position.rawValue - 1)
                    let isTold =
                        try destinations.areBoth(server, in: room, at: before)
                        || (concerned == server && wasHere(room, before: position))
                    guard isTold else { continue }
                    if newestOnly {
                        items.removeAll {
                            if case .pdu(_, let other) = $0.content { return other == room }
                            return false
                        }
                    }
                    items.append(item)
                case .toDevice(let item, let destination): if destination == server { items.append(item) }
                case .deviceList(let item, let user):
                    if try destinations.shares(server, with: user) { items.append(item) }
                case .receipt: break
                }
            }
            return true
        }
        return (items, reached)
    }

    /// - Parameter body: answers whether to go on.
    private func forEachRecord(
        after: LogPosition, upTo: LogPosition, limit: Int, _ body: (EventRecord) throws -> Bool
    ) throws {
        var next = after.next
        var left = limit
        while left > 0, next <= upTo {
            let records = try log.read(from: next, limit: min(left, Self.chunk))
            if records.isEmpty { return }
            for record in records {
                guard record.position <= upTo, try body(record) else { return }
                next = record.position.next
            }
            left -= records.count
        }
    }

    // MARK: Whom

    /// The other servers in a room just before a record; none when this server was not in it.
    private mutating func servers(in room: RoomID, before position: LogPosition) throws -> [ServerName] {
        let before = LogPosition(rawValue: position.rawValue - 1)
        if let servers = known[room], let from = servers.validFrom, from <= before,
            try destinations.lastChange(of: room) == from
        {
            return servers.includesOwn ? servers.others : []
        }
        let servers = try destinations.servers(in: room, at: before)
        if known.count >= Self.mostKnown { known.removeAll(keepingCapacity: true) }
        known[room] = servers.validFrom == nil ? nil : servers
        // An event of our own that was made while we were not in the room was made through another server, which has told
        // the others.
        return servers.includesOwn ? servers.others : []
    }

    private func wasHere(_ room: RoomID, before position: LogPosition) throws -> Bool {
        try destinations.servers(in: room, at: LogPosition(rawValue: position.rawValue - 1)).includesOwn
    }

    // MARK: What

    private func candidates(_ record: EventRecord) throws -> [Candidate] {
        // What was erased without a remainder cannot be told any more.
        if record.kind.isSystem || record.payload.isEmpty { return [] }
        switch record.kind {
        case .pduRecorded:
            let fact = try PDURecorded(payload: record.payload)
            return try event(fact, at: record.position).map { [$0] } ?? []
        case .relayPromised:
            let fact = try RelayPromised(payload: record.payload)
            return try relay(fact, at: record.position).map { [$0] } ?? []
        case .toDeviceForwarded:
            let fact = try ToDeviceForwarded(payload: record.payload)
            guard let server = ServerName(fact.server), server != own else { return [] }
            return [.toDevice(OutgoingItem(position: record.position, content: .toDevice), server)]
        case .receiptRecorded:
            let fact = try ReceiptRecorded(payload: record.payload)
            // "m.read.private" is nobody else's business.
            guard fact.receiptType.utf8.elementsEqual("m.read".utf8), let user = UserID(fact.userID), user.isOn(own),
                let room = RoomID(fact.roomID)
            else { return [] }
            return [.receipt(fact, room: room)]
        default:
            guard let user = try userOfDevices(record), user.isOn(own),
                try lists.changed(user, at: record.position)
            else { return [] }
            return [.deviceList(OutgoingItem(position: record.position, content: .deviceList(user)), user)]
        }
    }

    /// An accepted event of a user of this server.
    private func event(_ fact: PDURecorded, at position: LogPosition) throws -> Candidate? {
        guard fact.verdict == .accepted, !fact.isOutlier, !fact.isBackfilled, let room = RoomID(fact.roomID),
            let head = try Self.head(of: fact), head.sender.isOn(own)
        else { return nil }
        let item = OutgoingItem(position: position, content: .pdu(position, room: room))
        return .event(item, at: position, room: room, concerned: head.concerned?.serverName, origin: nil)
    }

    private func relay(_ promise: RelayPromised, at position: LogPosition) throws -> Candidate? {
        guard let eventID = EventID(promise.eventID), let place = try rooms.eventPosition(eventID),
            let record = try log.record(at: place), record.kind == .pduRecorded, !record.payload.isEmpty
        else { return nil }
        let fact = try PDURecorded(payload: record.payload)
        guard fact.verdict == .accepted, let room = RoomID(fact.roomID) else { return nil }
        return .event(
            OutgoingItem(position: position, content: .pdu(place, room: room)), at: place, room: room, concerned: nil,
            origin: ServerName(promise.origin))
    }

    /// The sender, and of a member event the member.
    private static func head(of fact: PDURecorded) throws -> (sender: UserID, concerned: UserID?)? {
        let root = try JSONDocument(parsing: fact.pdu, limits: .historicalPDU).root
        guard let sender = root["sender"]?.string.flatMap({ UserID($0) }) else { return nil }
        guard root["type"]?.isString("m.room.member") == true else { return (sender, nil) }
        return (sender, root["state_key"]?.string.flatMap { UserID($0) })
    }

    /// Whose devices or cross-signing keys a record may have changed.
    private func userOfDevices(_ record: EventRecord) throws -> UserID? {
        let payload = record.payload
        let user: String
        switch record.kind {
        case .deviceRegistered: user = try DeviceRegistered(payload: payload).userID
        case .deviceRenamed: user = try DeviceRenamed(payload: payload).userID
        case .devicesRemoved: user = try DevicesRemoved(payload: payload).userID
        case .accountDeactivated: user = try AccountDeactivated(payload: payload).userID
        case .deviceKeysUploaded: user = try DeviceKeysUploaded(payload: payload).userID
        case .crossSigningKeysSet: user = try CrossSigningKeysSet(payload: payload).userID
        case .keySignaturesAdded: user = try KeySignaturesAdded(payload: payload).target
        case .dehydratedDeviceSet: user = try DehydratedDeviceSet(payload: payload).userID
        case .dehydratedDeviceRemoved: user = try DehydratedDeviceRemoved(payload: payload).userID
        default: return nil
        }
        return UserID(user)
    }
}
