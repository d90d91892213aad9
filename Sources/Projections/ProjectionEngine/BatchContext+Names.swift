package import KeyValueStore
package import ReadModel

extension BatchContext {
    /// Gives a name a number if it has none. Only the projection of names may call it.
    package func intern(
        _ kind: ViewKeys.NameKind, _ text: String, _ transaction: borrowing WriteTransaction
    ) throws {
        var text = text
        try text.withUTF8 { try intern(kind, bytes: UnsafeRawBufferPointer($0), transaction) }
    }

    /// The same of an entry of state.
    package func internSlot(
        type: String, stateKey: String, _ transaction: borrowing WriteTransaction
    ) throws {
        try ViewKeys.slotText(type: type, stateKey: stateKey).withUnsafeBytes {
            try intern(.slot, bytes: $0, transaction)
        }
    }

    private func intern(
        _ kind: ViewKeys.NameKind, bytes text: UnsafeRawBufferPointer, _ transaction: borrowing WriteTransaction
    ) throws {
        if names.number(kind, text) != nil { return }
        if let stored = try transaction.nameNumber(tables, kind, text) {
            names.insert(kind, text, stored)
            return
        }
        let index = Int(kind.rawValue) - 1
        let last = try lastNumbers[index] ?? lastStoredNumber(kind, transaction)
        guard last < UInt32.max else { throw BatchFault.namesExhausted }
        let number = last + 1
        lastNumbers[index] = number
        try transaction.put(tables.namesByHash, ViewKeys.nameByHash(kind, text).appending(number), StoreKey())
        try transaction.putPacked(tables.namesByNumber, ViewKeys.nameByNumber(kind, number), text)
        names.insert(kind, text, number)
    }

    private func lastStoredNumber(
        _ kind: ViewKeys.NameKind, _ transaction: borrowing WriteTransaction
    ) throws -> UInt32 {
        guard let entry = try transaction.last(tables.namesByNumber, prefix: StoreKey().appending(kind.rawValue)) else {
            return 0
        }
        var input = ByteReader(entry.key)
        _ = try input.readUInt8()
        return try input.readUInt32()
    }

    private func number(
        _ kind: ViewKeys.NameKind, bytes: UnsafeRawBufferPointer, _ transaction: borrowing WriteTransaction
    ) throws -> UInt32 {
        if let number = names.number(kind, bytes) { return number }
        guard let number = try transaction.nameNumber(tables, kind, bytes) else {
            throw BatchFault.unknownName(String(decoding: bytes, as: UTF8.self))
        }
        names.insert(kind, bytes, number)
        return number
    }

    package func room(_ roomID: String, _ transaction: borrowing WriteTransaction) throws -> RoomNum {
        var text = roomID
        return try text.withUTF8 { utf8 in
            RoomNum(rawValue: try number(.room, bytes: UnsafeRawBufferPointer(utf8), transaction))
        }
    }

    package func user(_ userID: String, _ transaction: borrowing WriteTransaction) throws -> UserNum {
        var text = userID
        return try text.withUTF8 { utf8 in
            UserNum(rawValue: try number(.user, bytes: UnsafeRawBufferPointer(utf8), transaction))
        }
    }

    package func slot(
        type: String, stateKey: String, _ transaction: borrowing WriteTransaction
    ) throws -> SlotNum {
        let text = ViewKeys.slotText(type: type, stateKey: stateKey)
        return SlotNum(rawValue: try text.withUnsafeBytes { try number(.slot, bytes: $0, transaction) })
    }

    /// The numbers of a PDU's room and sender, looked up once for all projections.
    package func numbers(
        of pdu: DecodedPDU, _ transaction: borrowing WriteTransaction
    ) throws -> (room: RoomNum, sender: UserNum) {
        if let current, current.pdu === pdu { return (current.room, current.sender) }
        let found = try CurrentPDU(
            pdu: pdu, room: room(pdu.roomID, transaction), sender: user(pdu.sender, transaction))
        current = found
        return (found.room, found.sender)
    }
}
