package import EventLog
package import KeyValueStore

/// Where a room stands: what the next event chains on, and the counts that its members see.
package struct RoomHead: Hashable, Sendable {
    /// The newest event in the room's timeline; 0 before the first.
    package var lastTimelinePosition = LogPosition(rawValue: 0)
    /// The newest record that changed the room's current state, or may have changed what it says.
    package var lastStatePosition = LogPosition(rawValue: 0)
    package var createPosition = LogPosition(rawValue: 0)
    /// The newest event of a type that a person would call news; see `bump_stamp` of sliding sync.
    package var bumpPosition = LogPosition(rawValue: 0)
    /// The `type` that the create event says, as `m.space`; nil when it says none.
    package var roomType: String?
    package var eventCount: UInt64 = 0
    package var maxDepth: Int64 = 0
    package var joinedCount: UInt64 = 0
    package var invitedCount: UInt64 = 0
    /// How many records the room's stream has: what an append must expect.
    package var streamVersion: UInt64 = 0
    package var roomVersion = ""
    /// The newest record before whose event the timeline has a hole, or begins anew; 0 when there is none.
    package var gapPosition = LogPosition(rawValue: 0)
    /// Rows of `timeline.gaps`: how often an event of the timeline follows one that is not known.
    package var gapCount: UInt64 = 0
    /// How many events were recorded when later ones were known already.
    package var backfilledCount: UInt64 = 0
    package var forwardExtremities: [String] = []

    package init() {}

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        let activity = try RoomActivity(reading: &input)
        lastTimelinePosition = activity.lastTimelinePosition
        lastStatePosition = activity.lastStatePosition
        createPosition = activity.createPosition
        bumpPosition = activity.bumpPosition
        gapPosition = activity.gapPosition
        roomType = try activity.roomType.map { slice throws(ByteFault) in try ByteReader.string(slice) }
        eventCount = try input.readVarint()
        maxDepth = Int64(truncatingIfNeeded: try input.readVarint())
        joinedCount = try input.readVarint()
        invitedCount = try input.readVarint()
        streamVersion = try input.readVarint()
        roomVersion = try input.readFramedString()
        gapCount = try input.readVarint()
        backfilledCount = try input.readVarint()
        let count = try input.readVarint()
        guard count <= UInt64(input.remaining) else { throw .truncated }
        for _ in 0..<count { forwardExtremities.append(try input.readFramedString()) }
        try input.expectEnd()
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: 96)
        out.writeVarint(lastTimelinePosition.rawValue)
        out.writeVarint(lastStatePosition.rawValue)
        out.writeVarint(createPosition.rawValue)
        out.writeVarint(bumpPosition.rawValue)
        out.writeVarint(gapPosition.rawValue)
        out.write(UInt8(roomType == nil ? 0 : 1))
        if let roomType { out.writeFramed(roomType) }
        out.writeVarint(eventCount)
        out.writeVarint(UInt64(bitPattern: maxDepth))
        out.writeVarint(joinedCount)
        out.writeVarint(invitedCount)
        out.writeVarint(streamVersion)
        out.writeFramed(roomVersion)
        out.writeVarint(gapCount)
        out.writeVarint(backfilledCount)
        out.writeVarint(UInt64(forwardExtremities.count))
        for eventID in forwardExtremities { out.writeFramed(eventID) }
        return out
    }
}

/// The beginning of a room's head: when what happened last. Whoever looks at all rooms of a user reads no more of each.
package struct RoomActivity {
    package let lastTimelinePosition: LogPosition
    package let lastStatePosition: LogPosition
    package let createPosition: LogPosition
    package let bumpPosition: LogPosition
    package let gapPosition: LogPosition
    /// UTF-8 in the store; lives as long as the read.
    package let roomType: UnsafeRawBufferPointer?

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        try self.init(reading: &input)
    }

    init(reading input: inout ByteReader) throws(ByteFault) {
        lastTimelinePosition = LogPosition(rawValue: try input.readVarint())
        lastStatePosition = LogPosition(rawValue: try input.readVarint())
        createPosition = LogPosition(rawValue: try input.readVarint())
        bumpPosition = LogPosition(rawValue: try input.readVarint())
        gapPosition = LogPosition(rawValue: try input.readVarint())
        roomType = try input.readUInt8() == 0 ? nil : try input.readFramedSlice()
    }
}
