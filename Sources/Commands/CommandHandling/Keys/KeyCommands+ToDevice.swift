import CanonicalJSON
package import Decisions
import EventLog
import LogEvents
import MatrixIdentifiers
package import Queries
import ReadModel

extension KeyCommands {
    /// Sends messages to devices of this server; a repeated transaction id sends nothing.
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
        let batch = LogBatch(records: [record(fact, .none, caller)], expected: [])
        try await outgoing.append(
            batch, transaction: "\(caller.userID)/\(deviceID)/\(transactionID)", to: environment.log, unless: isSent)
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
