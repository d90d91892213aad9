import CanonicalJSON
package import Decisions
import EventLog
import EventSigning
import LogEvents
package import MatrixIdentifiers
package import Queries
import ReadModel

extension KeyCommands {
    /// Sends messages to devices; a repeated transaction id sends nothing. What is for other servers is in the log with the
    /// same commit, and they are told until they have it.
    package func send(
        _ request: ToDeviceRequest, type: String, transactionID: String, caller: Caller
    ) async throws {
        let deviceID = caller.deviceID ?? ""
        func isSent() throws -> Bool {
            try toDevice.sent(by: caller.userID, deviceID: deviceID, transactionID: transactionID) != nil
        }
        if try isSent() { return }
        var messages: [ToDeviceSent.Message] = []
        for recipient in request.recipients where recipient.user.isOn(environment.serverName) {
            messages.append(contentsOf: try expanded(recipient))
        }
        let fact = ToDeviceSent(
            sender: caller.userID.rawValue,
            senderDevice: deviceID,
            transactionID: transactionID,
            type: type,
            messages: messages
        )
        let forwarded = forwarded(request, type: type, caller: caller)
        let batch = LogBatch(
            records: [record(fact, .none, caller)] + forwarded.map { record($0, .none, caller) }, expected: [])
        try await outgoing.append(
            batch, transaction: "\(caller.userID)/\(deviceID)/\(transactionID)", to: environment.log, unless: isSent)
    }

    /// What other servers must be told, each for its users.
    private func forwarded(_ request: ToDeviceRequest, type: String, caller: Caller) -> [ToDeviceForwarded] {
        var byServer: [ServerName: JSONObject] = [:]
        for recipient in request.recipients
        where !recipient.user.isOn(environment.serverName) && !recipient.byDevice.isEmpty {
            byServer[recipient.user.serverName, default: [:]][recipient.user.rawValue] = .object(recipient.byDevice)
        }
        return byServer.sorted { $0.key < $1.key }.map { server, messages in
            // "Arbitrary utf8 string, of maximum length 32 codepoints."
            let messageID = UnpaddedBase64.encodeURLSafe(environment.randomBytes(18))
            return ToDeviceForwarded(
                server: server.rawValue, sender: caller.userID.rawValue, type: type, messageID: messageID,
                messages: messages)
        }
    }

    /// Takes messages that another server brings for devices of this one. A message that came before changes nothing.
    package func receive(
        _ request: ToDeviceRequest, type: String, messageID: String, sender: UserID, from origin: ServerName
    ) async throws {
        if try toDevice.received(messageID: messageID, from: origin) { return }
        var messages: [ToDeviceSent.Message] = []
        for recipient in request.recipients where recipient.user.isOn(environment.serverName) {
            messages.append(contentsOf: try expanded(recipient))
        }
        if messages.isEmpty { return }
        let fact = ToDeviceReceived(
            origin: origin.rawValue, messageID: messageID, sender: sender.rawValue, type: type, messages: messages)
        try await append([fact.record(stream: .none, actor: sender.rawValue, cause: origin.rawValue)])
    }

    /// "The device ID may also be `*`, meaning all known devices for the user." Only one message goes to each device.
    private func expanded(_ recipient: ToDeviceRequest.Recipient) throws -> [ToDeviceSent.Message] {
        let user = recipient.user.rawValue
        let named = try toDevice.recipients(recipient.user, wanted: recipient.byDevice.keys)
        var messages = named.compactMap { deviceID in
            recipient.byDevice[deviceID].map {
                ToDeviceSent.Message(userID: user, deviceIDs: [deviceID], content: $0.canonicalBytes())
            }
        }
        if let content = recipient.byDevice["*"] {
            let others = try queries.deviceIDs(of: recipient.user).filter { id in
                !named.contains { $0.utf8.elementsEqual(id.utf8) }
            }
            if !others.isEmpty {
                messages.append(
                    ToDeviceSent.Message(userID: user, deviceIDs: others, content: content.canonicalBytes()))
            }
        }
        return messages
    }

    /// Deletes what a sync token shows to be delivered: "the server should infer that any send-to-device messages in that
    /// response have been delivered successfully, and delete them from the store."
    package func acknowledge(_ token: SyncToken, asker: Asker) async throws {
        guard let deviceID = asker.identity.deviceID, token.epoch == asker.epoch else { return }
        let head = environment.views.head.rawValue
        let upTo = token.toDevice ?? token.position
        guard upTo <= head else { return }
        let position = LogPosition(rawValue: upTo)
        guard try toDevice.waits(asker.identity.userNum, deviceID, upTo: position) else { return }
        let user = asker.identity.userID.rawValue
        let fact = ToDeviceAcknowledged(userID: user, deviceID: deviceID, upTo: position)
        try await append([fact.record(stream: .none, actor: user, cause: "sync")])
    }
}
