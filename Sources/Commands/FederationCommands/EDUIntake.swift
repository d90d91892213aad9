import CanonicalJSON
package import CommandHandling
import Decisions
import EventLog
import LogEvents
package import MatrixEvents
package import MatrixIdentifiers
package import Queries
import ReadModel

/// Takes the EDUs of other servers, after the rooms' server ACLs were applied to them.
///
/// What is malformed, or said of users of other servers than the one that says it, is passed over: EDUs have no answer.
package struct EDUIntake: Sendable {
    private let environment: CommandEnvironment
    private let ephemeral: EphemeralState
    private let keys: KeyCommands
    private let devices: RemoteDeviceFacts
    private let rooms: RoomQueries
    private let accounts: AccountQueries
    /// "Servers […] should time out": a server that says nothing more lets its users type for so long.
    private static let typingMs: Int64 = 60_000
    private static let mostReceipts = 1_000
    private static let mostPresences = 1_000
    private static let longestStatus = 1_024

    package init(
        environment: CommandEnvironment, ephemeral: EphemeralState, keys: KeyCommands, devices: RemoteDeviceFacts
    ) {
        self.environment = environment
        self.ephemeral = ephemeral
        self.keys = keys
        self.devices = devices
        rooms = RoomQueries(views: environment.views)
        accounts = AccountQueries(views: environment.views)
    }

    /// Takes one EDU.
    ///
    /// - Returns: when what must not be lost is durable.
    /// - Throws: what the machine could not do; the transaction should then be refused, so that it comes again.
    package func take(_ edu: EDU, from origin: ServerName) async throws {
        switch edu.type {
        case "m.typing": try takeTyping(edu.content, from: origin)
        case "m.receipt": try await takeReceipts(edu.content, from: origin)
        case "m.presence": try takePresence(edu.content, from: origin)
        case "m.direct_to_device": try await takeMessages(edu.content, from: origin)
        case "m.device_list_update": try await takeDevice(edu.content, from: origin)
        case "m.signing_key_update": try await takeSigningKeys(edu.content, from: origin)
        default: return
        }
    }

    /// A user of the server that speaks.
    private func user(_ value: JSONValue?, of origin: ServerName) -> UserID? {
        guard let user = value?.stringValue.flatMap({ UserID($0) }), user.isOn(origin) else { return nil }
        return user
    }

    // MARK: What is not kept

    private func takeTyping(_ content: JSONObject, from origin: ServerName) throws {
        guard let user = user(content["user_id"], of: origin), let isTyping = content["typing"]?.boolValue,
            let room = content["room_id"]?.stringValue.flatMap({ RoomID($0) }),
            try rooms.membership(room, user)?.membership == .join, let number = try rooms.number(of: room)
        else { return }
        ephemeral.setTyping(room: number, user: user, isTyping: isTyping, timeoutMs: Self.typingMs)
    }

    private func takePresence(_ content: JSONObject, from origin: ServerName) throws {
        for update in (content["push"]?.arrayValue ?? []).prefix(Self.mostPresences) {
            guard let user = user(update["user_id"], of: origin),
                let availability = update["presence"]?.stringValue.flatMap(PresenceState.Availability.init(rawValue:)),
                // Of whom nobody here can hear, nothing is remembered.
                try devices.queries.standing(of: user) != .unrelated, let number = try accounts.number(of: user)
            else { continue }
            let status = update["status_msg"]?.stringValue.flatMap { $0.utf8.count <= Self.longestStatus ? $0 : nil }
            ephemeral.presence.heard(
                number, availability, statusMessage: status, activeAgoMs: update["last_active_ago"]?.integerValue,
                // "Defaults to false."
                isActive: update["currently_active"]?.boolValue ?? false)
        }
    }

    // MARK: Receipts

    private func takeReceipts(_ content: JSONObject, from origin: ServerName) async throws {
        var records: [NewRecord] = []
        for (roomName, byType) in content {
            guard let room = RoomID(roomName), try rooms.number(of: room) != nil else { continue }
            // "m.read.private" never comes from another server.
            for (userName, receipt) in byType["m.read"]?.objectValue ?? [:] where records.count < Self.mostReceipts {
                guard let user = user(.string(userName), of: origin),
                    let fact = try self.receipt(receipt, of: user, in: room)
                else { continue }
                records.append(
                    fact.record(
                        stream: StreamID(kind: .user, name: user.rawValue), actor: user.rawValue,
                        cause: origin.rawValue))
            }
        }
        if !records.isEmpty { _ = try await environment.log.append(LogBatch(records: records)) }
    }

    /// What a receipt changes; nil when it is no news.
    private func receipt(_ receipt: JSONValue, of user: UserID, in room: RoomID) throws -> ReceiptRecorded? {
        guard let eventID = receipt["event_ids"]?.arrayValue?.first?.stringValue.flatMap({ EventID($0) }),
            let ts = receipt["data"]?["ts"]?.integerValue, ts >= 0,
            try rooms.membership(room, user)?.membership == .join
        else { return nil }
        let thread = receipt["data"]?["thread_id"]?.stringValue
        if let thread, thread.isEmpty || thread.utf8.count > 255 { return nil }
        let previous = try ReceiptQueries(views: environment.views).receipt(
            room, user: user, type: "m.read", threadID: thread)
        if let previous {
            if previous.eventID.utf8.elementsEqual(eventID.rawValue.utf8) { return nil }
            // The other server knows its user's order of reading; an event that is not here yet is news too.
            if let position = try rooms.eventPosition(eventID), previous.eventPosition >= position { return nil }
        }
        return ReceiptRecorded(
            userID: user.rawValue, roomID: room.rawValue, receiptType: "m.read", eventID: eventID.rawValue,
            threadID: thread, timestampMs: ts)
    }

    // MARK: Devices

    private func takeMessages(_ content: JSONObject, from origin: ServerName) async throws {
        guard let sender = user(content["sender"], of: origin), let type = content["type"]?.stringValue,
            (1...255).contains(type.utf8.count), let messageID = content["message_id"]?.stringValue,
            (1...512).contains(messageID.utf8.count)
        else { return }
        let request: ToDeviceRequest
        do throws(Rejection) {
            request = try ToDeviceRequest(body: content)
        } catch {
            return
        }
        try await keys.receive(request, type: type, messageID: messageID, sender: sender, from: origin)
    }

    private func takeDevice(_ content: JSONObject, from origin: ServerName) async throws {
        guard let user = user(content["user_id"], of: origin), let streamID = content["stream_id"]?.integerValue,
            let deviceID = content["device_id"]?.stringValue, !deviceID.isEmpty,
            deviceID.utf8.count <= RemoteDeviceReading.longestDeviceID
        else { return }
        let previous = (content["prev_id"]?.arrayValue ?? []).map(\.integerValue)
        let isDeleted = content["deleted"]?.boolValue ?? false
        let given = content["keys"]
        let keys = RemoteDeviceReading.keys(given, user: user, deviceID: deviceID)
        let device = RemoteDevice(
            deviceID: deviceID, displayName: RemoteDeviceReading.displayName(content["device_display_name"]),
            keys: isDeleted ? nil : keys)
        try await devices.update(user) { row in
            if row.streamIDs.contains(streamID) { return .known }
            // "If the receiving server does not recognise any of the prev_ids, it means an EDU has been lost and the server
            // should query a snapshot of the device list"
            let follows = previous.allSatisfy { id in id.map(row.streamIDs.contains) ?? false }
            let isReadable = isDeleted || given == nil || given?.isNull == true || keys != nil
            guard follows, isReadable, streamID > row.streamIDs.max() ?? .min else { return .outdated }
            return .device(
                RemoteDeviceUpdated(
                    userID: user.rawValue, streamID: streamID, isDeleted: isDeleted, device: device))
        }
    }

    private func takeSigningKeys(_ content: JSONObject, from origin: ServerName) async throws {
        guard let user = user(content["user_id"], of: origin) else { return }
        let master = RemoteDeviceReading.signingKey(content["master_key"], user: user, usage: "master")
        let selfSigning = RemoteDeviceReading.signingKey(
            content["self_signing_key"], user: user, usage: "self_signing")
        try await devices.update(user) { _ in
            guard master != nil || selfSigning != nil else { return .outdated }
            return .signingKeys(
                RemoteSigningKeysUpdated(userID: user.rawValue, master: master, selfSigning: selfSigning))
        }
    }
}
