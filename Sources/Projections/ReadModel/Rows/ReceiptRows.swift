package import EventLog
package import KeyValueStore

/// Whose receipt, of which type and thread: what follows the room in a receipt's key.
package struct ReceiptSuffix: Hashable, Sendable {
    package enum Kind: UInt8, Sendable {
        case read = 1
        case readPrivate = 2

        package init?(text: String) {
            switch text {
            case "m.read": self = .read
            case "m.read.private": self = .readPrivate
            default: return nil
            }
        }

        package var text: String {
            switch self {
            case .read: "m.read"
            case .readPrivate: "m.read.private"
            }
        }
    }

    package var user: UserNum
    package var kind: Kind
    package var threadHash: UInt64

    package init(user: UserNum, kind: Kind, threadHash: UInt64) {
        self.user = user
        self.kind = kind
        self.threadHash = threadHash
    }

    /// Reads it from the value of `receipts.changes`.
    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        try self.init(&input)
    }

    /// Reads it from a key of `receipts.rows`.
    package init(key: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(key)
        _ = try input.readRoom()
        try self.init(&input)
    }

    private init(_ input: inout ByteReader) throws(ByteFault) {
        user = try input.readUser()
        guard let kind = Kind(rawValue: try input.readUInt8()) else { throw .numberTooLarge }
        self.kind = kind
        threadHash = try input.readUInt64()
    }

    func append(to key: consuming StoreKey) -> StoreKey {
        key.appending(user.rawValue).appending(kind.rawValue).appending(threadHash)
    }

    package func encoded() -> StoreKey { append(to: StoreKey()) }
}

/// How far a user has read.
package struct ReceiptRow: Hashable, Sendable {
    /// The record that set it.
    package var position: LogPosition
    /// The event it points to; 0 when this server did not have that event yet.
    package var eventPosition: LogPosition
    package var timestampMs: Int64
    package var eventID: String
    package var threadID: String?

    package init(
        position: LogPosition, eventPosition: LogPosition, timestampMs: Int64, eventID: String, threadID: String?
    ) {
        self.position = position
        self.eventPosition = eventPosition
        self.timestampMs = timestampMs
        self.eventID = eventID
        self.threadID = threadID
    }

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        position = try input.readPosition()
        eventPosition = try input.readPosition()
        timestampMs = try input.readInt64()
        eventID = try input.readFramedString()
        threadID = try input.readOptionalString()
        try input.expectEnd()
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: 80)
        out.write(position.rawValue)
        out.write(eventPosition.rawValue)
        out.write(timestampMs)
        out.writeFramed(eventID)
        out.writeOptional(threadID)
        return out
    }
}
