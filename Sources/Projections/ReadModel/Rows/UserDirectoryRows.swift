package import EventLog
package import KeyValueStore

/// What the user directory shows of a user.
package struct DirectoryUserRow: Hashable, Sendable {
    package struct Flags: OptionSet, Sendable, Hashable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// Has an account here: the profile is the one of the account, and otherwise the one of a member event.
        package static let local = Flags(rawValue: 1)
        package static let deactivated = Flags(rawValue: 2)
    }

    package var flags: Flags = []
    /// The member event that the names are from; 0 for none.
    package var source = LogPosition(rawValue: 0)
    package var displayName: String?
    package var avatarURL: String?

    package init() {}

    package var isLocal: Bool { flags.contains(.local) }
    package var isDeactivated: Bool { flags.contains(.deactivated) }

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        flags = Flags(rawValue: try input.readUInt8())
        source = LogPosition(rawValue: try input.readVarint())
        displayName = try input.readOptionalString()
        avatarURL = try input.readOptionalString()
        try input.expectEnd()
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: 96)
        out.write(flags.rawValue)
        out.writeVarint(source.rawValue)
        out.writeOptional(displayName)
        out.writeOptional(avatarURL)
        return out
    }
}

/// What the user directory knows of a room: whether it shows its members to everybody.
package struct DirectoryRoomRow: Hashable, Sendable {
    package struct Flags: OptionSet, Sendable, Hashable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        package static let publicJoins = Flags(rawValue: 1)
        package static let worldReadable = Flags(rawValue: 2)
    }

    package var flags: Flags = []
    /// Members with an account here. Without any, this server no longer hears of the room.
    package var localMembers: UInt64 = 0

    package init() {}

    package var isPublic: Bool { !flags.isEmpty }

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        flags = Flags(rawValue: try input.readUInt8())
        localMembers = try input.readVarint()
        try input.expectEnd()
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: 8)
        out.write(flags.rawValue)
        out.writeVarint(localMembers)
        return out
    }
}
