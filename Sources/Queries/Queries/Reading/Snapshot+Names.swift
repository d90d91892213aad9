import EventLog
import KeyValueStore
import MatrixIdentifiers
import ReadModel

/// Names and their numbers.
extension Snapshot {
    func number(of room: RoomID) throws -> RoomNum? {
        let name = room.rawValue
        return try tables.known.number(of: name) { try self.room(tables, name)?.rawValue }.map(RoomNum.init(rawValue:))
    }
    func number(of user: UserID) throws -> UserNum? {
        let name = user.rawValue
        return try tables.known.number(of: name) { try self.user(tables, name)?.rawValue }.map(UserNum.init(rawValue:))
    }
    func slot(_ type: String, _ stateKey: String) throws -> SlotNum? {
        try slot(tables, type: type, stateKey: stateKey)
    }

    private func text(_ kind: ViewKeys.NameKind, _ number: UInt32) throws -> UnsafeRawBufferPointer {
        guard let text = try nameSlice(tables, kind, number) else {
            throw ViewDamage.missingName(kind: kind.rawValue, number: number)
        }
        return text
    }

    /// The room's ID; the bytes live as long as the snapshot.
    func text(_ room: RoomNum) throws -> UnsafeRawBufferPointer { try text(.room, room.rawValue) }

    /// The user's ID; the bytes live as long as the snapshot.
    func text(_ user: UserNum) throws -> UnsafeRawBufferPointer { try text(.user, user.rawValue) }

    func roomID(_ room: RoomNum) throws -> RoomID {
        try RoomID(parsing: String(decoding: try text(room), as: UTF8.self))
    }

    func userID(_ user: UserNum) throws -> UserID {
        try UserID(parsing: String(decoding: try text(user), as: UTF8.self))
    }
}

/// The views contradict themselves: a fault of the projections or of the disk, mended by a rebuild.
enum ViewDamage: Error, Sendable, Hashable {
    case missingName(kind: UInt8, number: UInt32)
    case missingEvent(LogPosition)
    case missingHead(room: RoomNum)
}
