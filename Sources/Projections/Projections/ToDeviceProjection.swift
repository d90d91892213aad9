import CanonicalJSON
import EventLog
package import KeyValueStore
import LogEvents
package import ProjectionEngine
package import ReadModel

/// Keeps messages to devices until a sync token shows that the device has them.
package struct ToDeviceProjection: Projection {
    package let name = "toDevice"
    package let version: UInt32 = 2
    package let readsPDUs = false
    package let tables: [ViewTable] = [
        .toDeviceInboxes, .toDeviceMessages, .toDeviceTransactions, .toDeviceTransactionOrder, .toDeviceReceived,
        .toDeviceReceivedOrder,
    ]
    /// How long a client may repeat a request.
    private static let transactionLifetimeMs: Int64 = 24 * 3600 * 1000
    /// How long another server may go on bringing a message whose acknowledgement it never got.
    private static let messageLifetimeMs: Int64 = 30 * 24 * 3600 * 1000

    package init() {}

    package func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        switch record.fact {
        case .deviceRegistered(let fact): try open(fact.userID, fact.deviceID, transaction, batch)
        case .devicesRemoved(let fact):
            let user = try batch.user(fact.userID, transaction)
            for deviceID in fact.deviceIDs {
                let inbox = ViewKeys.stock(user, deviceID)
                try transaction.delete(batch.tables.toDeviceInboxes, inbox)
                try transaction.deletePrefix(batch.tables.toDeviceMessages, inbox)
            }
        case .accountDeactivated(let fact):
            let user = ViewKeys.user(try batch.user(fact.userID, transaction))
            try transaction.deletePrefix(batch.tables.toDeviceInboxes, user)
            try transaction.deletePrefix(batch.tables.toDeviceMessages, user)
        case .keys(.dehydratedDeviceSet(let fact)): try open(fact.userID, fact.deviceID, transaction, batch)
        case .keys(.toDeviceSent(let fact)): try store(fact, record, transaction, batch)
        case .keys(.toDeviceAcknowledged(let fact)):
            try acknowledge(fact, transaction, batch)
        case .federation(.toDeviceReceived(let fact)):
            // Also when two requests brought it at the same time: of the two records the first one counts.
            let key = ViewKeys.toDeviceReceived(origin: fact.origin, messageID: fact.messageID)
            if try transaction.contains(batch.tables.toDeviceReceived, key) { return }
            try store(fact.messages, from: fact.sender, type: fact.type, record, transaction, batch)
            try remember(
                key, in: (batch.tables.toDeviceReceived, batch.tables.toDeviceReceivedOrder),
                forMs: Self.messageLifetimeMs, record, transaction)
        default: return
        }
    }

    private func open(
        _ userID: String, _ deviceID: String, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        let user = try batch.user(userID, transaction)
        try transaction.put(batch.tables.toDeviceInboxes, ViewKeys.stock(user, deviceID), StoreKey())
    }

    private func store(
        _ fact: ToDeviceSent, _ record: DecodedRecord, _ transaction: borrowing WriteTransaction,
        _ batch: BatchContext
    ) throws {
        try store(fact.messages, from: fact.sender, type: fact.type, record, transaction, batch)
        if let transactionID = fact.transactionID {
            let key = ViewKeys.toDeviceTransaction(
                user: fact.sender, deviceID: fact.senderDevice ?? "", transactionID: transactionID)
            try remember(
                key, in: (batch.tables.toDeviceTransactions, batch.tables.toDeviceTransactionOrder),
                forMs: Self.transactionLifetimeMs, record, transaction)
        }
    }

    private func store(
        _ messages: [ToDeviceSent.Message], from sender: String, type: String, _ record: DecodedRecord,
        _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        for message in messages {
            let user = try batch.user(message.userID, transaction)
            var json = JSONWriter(capacity: message.content.count + sender.utf8.count + type.utf8.count + 40)
            json.beginObject()
            json.field("content", raw: message.content)
            json.field("sender", sender)
            json.field("type", type)
            json.endObject()
            // Whoever logged out while it was on its way needs it no more, and a later device of the same id does not get it.
            for deviceID in message.deviceIDs
            where try transaction.contains(batch.tables.toDeviceInboxes, ViewKeys.stock(user, deviceID)) {
                try transaction.put(
                    batch.tables.toDeviceMessages, ViewKeys.toDevice(user, deviceID, record.position), json.bytes)
            }
            batch.touched.users.insert(user)
        }
    }

    private func acknowledge(
        _ fact: ToDeviceAcknowledged, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        let user = try batch.user(fact.userID, transaction)
        var keys: [[UInt8]] = []
        try transaction.forEach(
            batch.tables.toDeviceMessages, to: ViewKeys.toDevice(user, fact.deviceID, fact.upTo.next),
            prefix: ViewKeys.stock(user, fact.deviceID)
        ) { key, _ in
            keys.append(Array(key))
            return true
        }
        for key in keys { try transaction.delete(batch.tables.toDeviceMessages, key) }
    }

    /// Each new one takes the place of up to two old ones, so that the table holds about what its lifetime says.
    private func remember(
        _ key: StoreKey, in tables: (keys: StoreTable, order: StoreTable), forMs lifetimeMs: Int64,
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction
    ) throws {
        try transaction.put(tables.keys, key, StoreKey(record.position.rawValue))
        try transaction.put(
            tables.order, StoreKey(record.position.rawValue),
            StoreKey(UInt64(clamping: record.wallTimeMs)).appending(key))
        var ended: [(position: UInt64, key: [UInt8])] = []
        try transaction.forEach(tables.order, limit: 2) { position, value in
            var input = ByteReader(value)
            guard Int64(clamping: try input.readUInt64()) < record.wallTimeMs &- lifetimeMs else {
                return false
            }
            var place = ByteReader(position)
            ended.append((try place.readUInt64(), Array(input.readRest())))
            return true
        }
        for entry in ended {
            try transaction.delete(tables.order, StoreKey(entry.position))
            let holder = try transaction.get(tables.keys, entry.key) { bytes in
                var input = ByteReader(bytes)
                return try input.readUInt64()
            }
            if holder == entry.position { try transaction.delete(tables.keys, entry.key) }
        }
    }
}
