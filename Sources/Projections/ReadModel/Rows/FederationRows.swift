package import EventLog
package import KeyValueStore

/// How many joined members of one server a room has, and between which records it had any.
package struct RoomServerRow: Hashable, Sendable {
    package var joined: UInt64 = 0
    /// The records by which the server came, went, came…; the newest, beginning with one by which it came.
    package private(set) var changes: [LogPosition] = []
    /// Enough to answer for what is being sent; what is older counts as having been away.
    private static let mostChanges = 16

    package init() {}

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        joined = try input.readVarint()
        let count = try input.readVarint()
        guard count <= UInt64(input.remaining) else { throw .truncated }
        var position: UInt64 = 0
        for _ in 0..<count {
            position &+= try input.readVarint()
            changes.append(LogPosition(rawValue: position))
        }
        try input.expectEnd()
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: 16)
        out.writeVarint(joined)
        out.writeVarint(UInt64(changes.count))
        var last: UInt64 = 0
        for change in changes {
            out.writeVarint(change.rawValue &- last)
            last = change.rawValue
        }
        return out
    }

    /// Counts members who came or went, and notes when these are the first or were the last.
    ///
    /// - Returns: whether the server came or went.
    package mutating func add(_ change: Int64, at position: LogPosition) -> Bool {
        let wasIn = joined > 0
        joined = UInt64(clamping: Int64(clamping: joined) &+ change)
        guard wasIn != (joined > 0) else { return false }
        changes.append(position)
        if changes.count > Self.mostChanges { changes.removeFirst(2) }
        return true
    }

    /// Whether the server was in the room just after the record at `position`.
    package func isIn(at position: LogPosition) -> Bool {
        !(changes.count { $0 <= position }).isMultiple(of: 2)
    }

    /// Since when the server has been in the room without a break; nil when it is not.
    package var since: LogPosition? { joined > 0 ? changes.last : nil }
}

/// What one record changed in a user's list of devices, as other servers are told.
package struct ListHistoryRow: Hashable, Sendable {
    /// Of the record: stream ids jump with each epoch.
    package var epoch: UInt64
    package var isSigningKeysChanged = false
    package var deviceIDs: [String] = []

    package init(epoch: UInt64) {
        self.epoch = epoch
    }

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        epoch = try input.readVarint()
        isSigningKeysChanged = try input.readUInt8() != 0
        let count = try input.readVarint()
        guard count <= UInt64(input.remaining) else { throw .truncated }
        for _ in 0..<count { deviceIDs.append(try input.readFramedString()) }
        try input.expectEnd()
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: 32)
        out.writeVarint(epoch)
        out.write(UInt8(isSigningKeysChanged ? 1 : 0))
        out.writeVarint(UInt64(deviceIDs.count))
        for deviceID in deviceIDs { out.writeFramed(deviceID) }
        return out
    }
}

/// How far what is known of the devices of another server's user can be trusted.
package struct RemoteUserRow: Hashable, Sendable {
    package var isOutdated = false
    /// The record that brought the whole list.
    package var learnedAt = LogPosition.none
    /// The ids of the newest updates that are in it, oldest first.
    package private(set) var streamIDs: [Int64] = []
    private static let mostStreamIDs = 16

    package init() {}

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        isOutdated = try input.readUInt8() != 0
        learnedAt = try input.readPosition()
        let count = try input.readVarint()
        guard count <= UInt64(input.remaining) else { throw .truncated }
        for _ in 0..<count { streamIDs.append(Int64(bitPattern: try input.readUInt64())) }
        try input.expectEnd()
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: 24)
        out.write(UInt8(isOutdated ? 1 : 0))
        out.write(learnedAt.rawValue)
        out.writeVarint(UInt64(streamIDs.count))
        for id in streamIDs { out.write(UInt64(bitPattern: id)) }
        return out
    }

    package mutating func note(_ streamID: Int64) {
        streamIDs.append(streamID)
        if streamIDs.count > Self.mostStreamIDs { streamIDs.removeFirst() }
    }
}
