package import EventLog
package import KeyValueStore

/// Builds the keys of the tables in one place, so that writers and readers cannot differ.
package enum ViewKeys {
    // MARK: names

    package enum NameKind: UInt8, Sendable, CaseIterable {
        case room = 1
        case user = 2
        case slot = 3
    }

    /// Between type and state key of a slot's name: a byte that no UTF-8 text contains, so that no two pairs meet.
    package static let slotSeparator: UInt8 = 0xff
    /// Longer text is keyed by its hash, since keys of the store hold at most 511 bytes.
    package static let longestPlainName = 400

    /// What all names with one hash begin with; the number follows, and `names.byNumber` has the text to compare. A name's text
    /// is stored once.
    package static func nameByHash(_ kind: NameKind, _ text: UnsafeRawBufferPointer) -> StoreKey {
        // A quick hash could be attacked with names that all look alike.
        StoreKey().appending(kind.rawValue).appending(FixedHash.strong(Array(text), size: 16).prefix(8))
    }

    package static func nameByNumber(_ kind: NameKind, _ number: UInt32) -> StoreKey {
        StoreKey().appending(kind.rawValue).appending(number)
    }

    /// The name of an entry of state.
    package static func slotText(type: String, stateKey: String) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(type.utf8.count + stateKey.utf8.count + 1)
        text.append(contentsOf: type.utf8)
        text.append(slotSeparator)
        text.append(contentsOf: stateKey.utf8)
        return text
    }

    // MARK: events

    package static func event(_ position: LogPosition) -> StoreKey { StoreKey(position.rawValue) }

    /// What all entries of one event id begin with; the position follows.
    package static func eventByID(_ eventID: String) -> StoreKey { StoreKey(FixedHash.short(eventID)) }

    package static func eventByID(hash: UInt64, _ position: LogPosition) -> StoreKey {
        StoreKey(hash).appending(position.rawValue)
    }

    /// "The scope of a transaction ID is a single device and a single HTTP endpoint": of the path only the room counts
    /// here, since a client that uses one id for two event types of a room repeats itself.
    ///
    /// What all entries of one transaction begin with; the position follows.
    package static func transactionHash(user: String, deviceID: String, transactionID: String, room: String) -> UInt64 {
        FixedHash.pair(user, deviceID, transactionID, room).0
    }

    /// A key of `delayed.transactions`, which has nothing to compare with.
    package static func delayedTransaction(
        user: String, deviceID: String, transactionID: String, room: String
    ) -> StoreKey {
        let hash = FixedHash.pair(user, deviceID, transactionID, room)
        return StoreKey(hash.0).appending(hash.1)
    }

    // MARK: rooms

    package static func room(_ room: RoomNum) -> StoreKey { StoreKey().appending(room.rawValue) }

    package static func timeline(_ room: RoomNum, _ position: LogPosition) -> StoreKey {
        StoreKey().appending(room.rawValue).appending(position.rawValue)
    }

    /// What all changes of one entry of a room's state begin with.
    package static func stateEntry(_ room: RoomNum, _ slot: SlotNum) -> StoreKey {
        StoreKey().appending(room.rawValue).appending(slot.rawValue)
    }

    package static func stateHistory(_ room: RoomNum, _ slot: SlotNum, _ position: LogPosition) -> StoreKey {
        StoreKey().appending(room.rawValue).appending(slot.rawValue).appending(position.rawValue)
    }

    /// A record of a room: keys of `state.changes`, `state.deltas` and `state.before`.
    package static func stateRecord(_ room: RoomNum, _ position: LogPosition) -> StoreKey {
        StoreKey().appending(room.rawValue).appending(position.rawValue)
    }

    package static func member(_ room: RoomNum, _ user: UserNum) -> StoreKey {
        StoreKey().appending(room.rawValue).appending(user.rawValue)
    }

    // MARK: users

    package static func user(_ user: UserNum) -> StoreKey { StoreKey().appending(user.rawValue) }

    package static func membership(_ user: UserNum, _ room: RoomNum) -> StoreKey {
        StoreKey().appending(user.rawValue).appending(room.rawValue)
    }

    package static func device(_ user: UserNum, _ deviceID: String) -> StoreKey {
        StoreKey().appending(user.rawValue).appending(shortened(deviceID))
    }

    /// A token by the first half of its hash.
    package static func token(hash: [UInt8]) -> StoreKey { StoreKey().appending(hash.prefix(16)) }

    package static func text(_ text: String) -> StoreKey { StoreKey().appending(shortened(text)) }

    /// - Parameter room: ``RoomNum/none`` for global account data.
    package static func accountData(_ user: UserNum, _ room: RoomNum, _ type: String) -> StoreKey {
        StoreKey().appending(user.rawValue).appending(room.rawValue).appending(shortened(type))
    }

    package static func accountDataPrefix(_ user: UserNum, _ room: RoomNum) -> StoreKey {
        StoreKey().appending(user.rawValue).appending(room.rawValue)
    }

    package static func accountDataChange(_ user: UserNum, _ position: LogPosition) -> StoreKey {
        StoreKey().appending(user.rawValue).appending(position.rawValue)
    }

    package static func filter(_ user: UserNum, _ filterID: String) -> StoreKey {
        StoreKey().appending(user.rawValue).appending(shortened(filterID))
    }

    // MARK: receipts and directory

    /// 0 stands for a receipt without a thread.
    package static func threadHash(_ threadID: String?) -> UInt64 {
        guard let threadID else { return 0 }
        return max(FixedHash.short(threadID), 1)
    }

    package static func receipt(_ room: RoomNum, _ suffix: ReceiptSuffix) -> StoreKey {
        suffix.append(to: StoreKey().appending(room.rawValue))
    }

    package static func receiptChange(_ room: RoomNum, _ position: LogPosition) -> StoreKey {
        StoreKey().appending(room.rawValue).appending(position.rawValue)
    }

    package static func aliasOfRoom(_ room: RoomNum, _ alias: String) -> StoreKey {
        StoreKey().appending(room.rawValue).appending(shortened(alias))
    }

    /// Text as part of a key: as it is, or its hash behind a byte that begins no UTF-8 text.
    private static func shortened(_ text: String) -> [UInt8] {
        let bytes = Array(text.utf8)
        if bytes.count <= longestPlainName { return bytes }
        return [0xff] + FixedHash.strong(bytes, size: 32)
    }
}

extension ByteReader {
    package mutating func readPosition() throws(ByteFault) -> LogPosition { LogPosition(rawValue: try readUInt64()) }
    package mutating func readRoom() throws(ByteFault) -> RoomNum { RoomNum(rawValue: try readUInt32()) }
    package mutating func readUser() throws(ByteFault) -> UserNum { UserNum(rawValue: try readUInt32()) }
    package mutating func readSlot() throws(ByteFault) -> SlotNum { SlotNum(rawValue: try readUInt32()) }
}
