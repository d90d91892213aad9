package import EventLog
package import KeyValueStore

/// A parent event of relations: its ID as 16 bytes of hash, so that children may be recorded before it.
package struct RelationTarget: Hashable, Sendable {
    package var room: RoomNum
    private var hash: (UInt64, UInt64)

    package init(room: RoomNum, eventID: String) {
        self.room = room
        hash = FixedHash.pair(eventID)
    }

    /// What all keys of the parent begin with.
    package var key: StoreKey { StoreKey().appending(room.rawValue).appending(hash.0).appending(hash.1) }

    package init(reading input: inout ByteReader) throws(ByteFault) {
        room = try input.readRoom()
        hash = (try input.readUInt64(), try input.readUInt64())
    }

    package init(reading bytes: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(bytes)
        try self.init(reading: &input)
    }

    package static func == (left: RelationTarget, right: RelationTarget) -> Bool {
        left.room == right.room && left.hash == right.hash
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(hash.0)
    }
}

/// The relationship types that the server itself knows.
package enum RelationKind: UInt8, Sendable, CaseIterable {
    case thread = 1
    case replacement = 2
    case reference = 3
    case annotation = 4
    case other = 255

    package init(text: String) {
        self =
            switch text {
            case "m.thread": .thread
            case "m.replace": .replacement
            case "m.reference": .reference
            case "m.annotation": .annotation
            default: .other
            }
    }
}

/// A child of an event: an entry of `relations.byTarget`, whose key is parent, kind and the child's position.
package struct RelationRow: Hashable, Sendable {
    package var position: LogPosition
    package var kind: RelationKind
    package var sender: UserNum
    package var relType: String
    package var eventType: String

    package init(position: LogPosition, kind: RelationKind, sender: UserNum, relType: String, eventType: String) {
        self.position = position
        self.kind = kind
        self.sender = sender
        self.relType = relType
        self.eventType = eventType
    }

    package static func prefix(_ target: RelationTarget, _ kind: RelationKind) -> StoreKey {
        target.key.appending(kind.rawValue)
    }

    package static func key(_ target: RelationTarget, _ kind: RelationKind, _ position: LogPosition) -> StoreKey {
        prefix(target, kind).appending(position.rawValue)
    }

    package init(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(key)
        _ = try RelationTarget(reading: &input)
        guard let kind = RelationKind(rawValue: try input.readUInt8()) else { throw .numberTooLarge }
        self.kind = kind
        position = try input.readPosition()
        input = ByteReader(value)
        sender = try input.readUser()
        relType = try input.readFramedString()
        eventType = try input.readFramedString()
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: 64)
        out.write(sender.rawValue)
        out.writeFramed(relType)
        out.writeFramed(eventType)
        return out
    }
}

/// Where a child's relation is kept: an entry of `relations.byChild`, so that a redaction finds it.
package struct RelationPlace: Hashable, Sendable {
    package var target: RelationTarget
    package var kind: RelationKind
    package var sender: UserNum

    package init(target: RelationTarget, kind: RelationKind, sender: UserNum) {
        self.target = target
        self.kind = kind
        self.sender = sender
    }

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        target = try RelationTarget(reading: &input)
        guard let kind = RelationKind(rawValue: try input.readUInt8()) else { throw .numberTooLarge }
        self.kind = kind
        sender = try input.readUser()
    }

    package func encoded() -> StoreKey { target.key.appending(kind.rawValue).appending(sender.rawValue) }
}

/// A thread's state: an entry of `threads.rows`.
package struct ThreadRow: Hashable, Sendable {
    package var count: UInt32
    /// Its newest event.
    package var latest: LogPosition
    package var rootID: String

    package init(count: UInt32, latest: LogPosition, rootID: String) {
        self.count = count
        self.latest = latest
        self.rootID = rootID
    }

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        count = try input.readUInt32()
        latest = try input.readPosition()
        rootID = try input.readFramedString()
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: 64)
        out.write(count)
        out.write(latest.rawValue)
        out.writeFramed(rootID)
        return out
    }

    /// A key of `threads.order`: the room's threads by their newest event.
    package static func order(_ room: RoomNum, _ latest: LogPosition) -> StoreKey {
        StoreKey().appending(room.rawValue).appending(latest.rawValue)
    }

    /// A key of `threads.participants`; the value is how many events the user has in the thread.
    package static func participant(_ target: RelationTarget, _ user: UserNum) -> StoreKey {
        target.key.appending(user.rawValue)
    }
}
