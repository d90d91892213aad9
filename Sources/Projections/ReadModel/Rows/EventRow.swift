package import EventLog
package import KeyValueStore

/// One event as clients see it, without copying: `clientJSON` points into the store and lives as long as the read.
package struct EventRow {
    package struct Flags: OptionSet, Sendable, Hashable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        package static let state = Flags(rawValue: 1)
        package static let redacted = Flags(rawValue: 2)
        package static let softFailed = Flags(rawValue: 4)
        package static let rejected = Flags(rawValue: 8)
        package static let outlier = Flags(rawValue: 16)
        /// What the default push rules make of it may differ from user to user, as when it has `m.mentions`.
        package static let mentions = Flags(rawValue: 32)
        /// The default push rules notify everybody of it.
        package static let notifies = Flags(rawValue: 64)
        /// `content` has `m.relates_to`.
        package static let relates = Flags(rawValue: 128)
    }

    /// The device and transaction id of the local client that sent it.
    package struct Transaction: Hashable, Sendable {
        package var deviceID: String
        package var transactionID: String

        package init(deviceID: String, transactionID: String) {
            self.deviceID = deviceID
            self.transactionID = transactionID
        }
    }

    /// All fields of a row but the JSON.
    package struct Fields: Hashable, Sendable {
        package var flags: Flags = []
        package var membership = StoredMembership.none
        package var room = RoomNum.none
        package var sender = UserNum.none
        package var slot = SlotNum.none
        package var depth: Int64 = 0
        package var originServerTS: Int64 = 0
        /// The event that held the same entry of state before; 0 when none did.
        package var replaced = LogPosition(rawValue: 0)
        /// The redaction that hid the content; 0 when none did.
        package var redactedBy = LogPosition(rawValue: 0)
        package var transaction: Transaction?
        /// Where the same state event was recorded first, without its place; 0 when this is its first record.
        package var original = LogPosition(rawValue: 0)

        package init() {}
    }

    package var fields: Fields
    /// `{"event_id":"…","type":"…","sender":"…","origin_server_ts":n,["state_key":"…",]["redacts":"…",]"content":{…}`:
    /// open, so that the reader appends `room_id` and `unsigned` and the brace.
    package var clientJSON: UnsafeRawBufferPointer

    package var flags: Flags { fields.flags }
    package var membership: StoredMembership { fields.membership }
    package var room: RoomNum { fields.room }
    package var sender: UserNum { fields.sender }
    package var slot: SlotNum { fields.slot }
    package var depth: Int64 { fields.depth }
    package var originServerTS: Int64 { fields.originServerTS }
    package var replaced: LogPosition { fields.replaced }
    package var redactedBy: LogPosition { fields.redactedBy }
    package var transaction: Transaction? { fields.transaction }
    package var isState: Bool { fields.flags.contains(.state) }

    /// What stands for the event wherever states name it: its first record.
    ///
    /// - Parameter position: where this row is.
    package func holder(at position: LogPosition) -> LogPosition {
        fields.original.rawValue == 0 ? position : fields.original
    }

    // MARK: Codec

    private static let hasReplaced: UInt8 = 1
    private static let hasRedaction: UInt8 = 2
    private static let hasTransaction: UInt8 = 4
    private static let hasOriginal: UInt8 = 8

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        fields = Fields()
        fields.flags = Flags(rawValue: try input.readUInt8())
        let extras = try input.readUInt8()
        guard let membership = StoredMembership(rawValue: extras >> 4) else { throw .numberTooLarge }
        fields.membership = membership
        fields.room = RoomNum(rawValue: try input.readShort())
        fields.sender = UserNum(rawValue: try input.readShort())
        fields.slot = SlotNum(rawValue: try input.readShort())
        fields.depth = Int64(truncatingIfNeeded: try input.readVarint())
        fields.originServerTS = try input.readInt64()
        if extras & Self.hasReplaced != 0 { fields.replaced = LogPosition(rawValue: try input.readVarint()) }
        if extras & Self.hasRedaction != 0 { fields.redactedBy = LogPosition(rawValue: try input.readVarint()) }
        if extras & Self.hasTransaction != 0 {
            let deviceID = try input.readFramedString()
            fields.transaction = Transaction(deviceID: deviceID, transactionID: try input.readFramedString())
        }
        if extras & Self.hasOriginal != 0 { fields.original = LogPosition(rawValue: try input.readVarint()) }
        clientJSON = input.readRest()
    }

    /// Appends the fields; the JSON must follow directly.
    package static func write(_ fields: Fields, into out: inout ByteWriter) {
        out.write(fields.flags.rawValue)
        var extras = fields.membership.rawValue << 4
        if fields.replaced.rawValue != 0 { extras |= hasReplaced }
        if fields.redactedBy.rawValue != 0 { extras |= hasRedaction }
        if fields.transaction != nil { extras |= hasTransaction }
        if fields.original.rawValue != 0 { extras |= hasOriginal }
        out.write(extras)
        out.writeVarint(UInt64(fields.room.rawValue))
        out.writeVarint(UInt64(fields.sender.rawValue))
        out.writeVarint(UInt64(fields.slot.rawValue))
        out.writeVarint(UInt64(bitPattern: fields.depth))
        out.write(fields.originServerTS)
        if fields.replaced.rawValue != 0 { out.writeVarint(fields.replaced.rawValue) }
        if fields.redactedBy.rawValue != 0 { out.writeVarint(fields.redactedBy.rawValue) }
        if let transaction = fields.transaction {
            out.writeFramed(transaction.deviceID)
            out.writeFramed(transaction.transactionID)
        }
        if fields.original.rawValue != 0 { out.writeVarint(fields.original.rawValue) }
    }
}

extension ByteReader {
    /// A variable-length number that must fit 32 bits.
    mutating func readShort() throws(ByteFault) -> UInt32 {
        guard let number = UInt32(exactly: try readVarint()) else { throw .numberTooLarge }
        return number
    }
}
