package import KeyValueStore
package import ReadModel

extension BatchContext {
    /// Gives a name a number if it has none. Only the projection of names may call it.
    package func intern(
        _ kind: ViewKeys.NameKind, _ text: some StoreBytes, _ transaction: borrowing WriteTransaction
    ) throws {
        try text.withStoreBytes { try intern(kind, bytes: $0, transaction) }
    }

    private func intern(
        _ kind: ViewKeys.NameKind, bytes text: UnsafeRawBufferPointer, _ transaction: borrowing WriteTransaction
    ) throws {
        if names.number(kind, text) != nil { return }
        if let stored = try storedNumber(kind, text, transaction) {
            names.insert(kind, text, stored)
            return
        }
        let index = Int(kind.rawValue) - 1
        let last = try lastNumbers[index] ?? lastStoredNumber(kind, transaction)
        guard last < UInt32.max else { throw BatchFault.namesExhausted }
        let number = last + 1
        lastNumbers[index] = number
        try transaction.put(tables.namesByText, ViewKeys.nameByText(kind, text), StoreKey().appending(number))
        try transaction.put(tables.namesByNumber, ViewKeys.nameByNumber(kind, number), text)
        names.insert(kind, text, number)
    }

    private func storedNumber(
        _ kind: ViewKeys.NameKind, _ text: UnsafeRawBufferPointer, _ transaction: borrowing WriteTransaction
    ) throws -> UInt32? {
        guard let value = try transaction.get(tables.namesByText, ViewKeys.nameByText(kind, text)) else { return nil }
        var input = ByteReader(value)
        return try input.readUInt32()
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
        _ kind: ViewKeys.NameKind, _ text: some StoreBytes, _ transaction: borrowing WriteTransaction
    ) throws -> UInt32 {
        try text.withStoreBytes { bytes in
            if let number = names.number(kind, bytes) { return number }
            guard let number = try storedNumber(kind, bytes, transaction) else {
                throw BatchFault.unknownName(String(decoding: bytes, as: UTF8.self))
            }
            names.insert(kind, bytes, number)
            return number
        }
    }

    package func room(_ roomID: String, _ transaction: borrowing WriteTransaction) throws -> RoomNum {
        RoomNum(rawValue: try number(.room, roomID, transaction))
    }

    package func user(_ userID: String, _ transaction: borrowing WriteTransaction) throws -> UserNum {
        UserNum(rawValue: try number(.user, userID, transaction))
    }

    package func slot(
        type: String, stateKey: String, _ transaction: borrowing WriteTransaction
    ) throws -> SlotNum {
        let text = ViewKeys.slotText(type: type, stateKey: stateKey)
        return SlotNum(rawValue: try number(.slot, text, transaction))
    }
}
