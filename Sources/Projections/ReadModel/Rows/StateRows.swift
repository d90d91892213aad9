package import EventLog
package import KeyValueStore

/// From which record on an entry of a room's state was held by which event.
package struct StateHistoryRow: Hashable, Sendable {
    package var room: RoomNum
    package var slot: SlotNum
    /// The record that made the change.
    package var since: LogPosition
    /// The event that holds the entry from then on; 0 when the entry is gone.
    package var holder: LogPosition

    package init(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) throws(ByteFault) {
        var keyInput = ByteReader(key)
        room = try keyInput.readRoom()
        slot = try keyInput.readSlot()
        since = try keyInput.readPosition()
        if value.isEmpty {
            holder = since
        } else {
            var input = ByteReader(value)
            holder = try input.readPosition()
        }
    }

    /// The value of a history entry: nothing when the recorded event holds the entry itself.
    package static func encoded(holder: LogPosition, since: LogPosition) -> StoreKey {
        holder == since ? StoreKey() : StoreKey(holder.rawValue)
    }
}

/// A member of a room, of any membership.
package struct MemberRow {
    package var membership: StoredMembership
    /// The member event in force.
    package var position: LogPosition
    /// `{"avatar_url":…,"display_name":…}`, each only when present, as `joined_members` shows it.
    package var profileJSON: UnsafeRawBufferPointer

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        guard let membership = StoredMembership(rawValue: try input.readUInt8()) else { throw .numberTooLarge }
        self.membership = membership
        position = try input.readPosition()
        profileJSON = input.readRest()
    }

    package static func encoded(
        membership: StoredMembership, position: LogPosition, profileJSON: [UInt8]
    ) -> ByteWriter {
        var out = ByteWriter(capacity: profileJSON.count + 9)
        out.write(membership.rawValue)
        out.write(position.rawValue)
        out.writeBytes(profileJSON)
        return out
    }
}

/// What a user is in a room.
package struct MembershipRow: Hashable, Sendable {
    package var membership = StoredMembership.none
    /// The member event in force.
    package var position = LogPosition(rawValue: 0)
    /// The membership before the one in force.
    package var previous = StoredMembership.none
    /// Where the current join began, or the last one that ended; 0 when the user never joined.
    package var joinedAt = LogPosition(rawValue: 0)
    /// Where the last join ended; 0 when none did, or when the user has joined again.
    package var leftAt = LogPosition(rawValue: 0)
    package var isForgotten = false

    package init() {}

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        guard let membership = StoredMembership(rawValue: try input.readUInt8()) else { throw .numberTooLarge }
        self.membership = membership
        position = try input.readPosition()
        guard let previous = StoredMembership(rawValue: try input.readUInt8()) else { throw .numberTooLarge }
        self.previous = previous
        joinedAt = try input.readPosition()
        leftAt = try input.readPosition()
        isForgotten = try input.readUInt8() != 0
        try input.expectEnd()
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: 27)
        out.write(membership.rawValue)
        out.write(position.rawValue)
        out.write(previous.rawValue)
        out.write(joinedAt.rawValue)
        out.write(leftAt.rawValue)
        out.write(UInt8(isForgotten ? 1 : 0))
        return out
    }
}
