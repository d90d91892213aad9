package import EventLog
package import KeyValueStore

/// A media ID and what is known of its content.
package struct MediaRow: Hashable, Sendable {
    package struct Flags: OptionSet, Sendable, Hashable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// The content has come.
        package static let hasContent = Flags(rawValue: 1)
        package static let quarantined = Flags(rawValue: 2)
        package static let protected = Flags(rawValue: 4)
        /// Only the authenticated endpoints give it out.
        package static let needsAuthentication = Flags(rawValue: 8)
        /// The picture of a web page, not a user's upload.
        package static let preview = Flags(rawValue: 16)
    }

    package var mediaID: String
    package var user: UserNum
    package var flags: Flags
    /// The record that gave the ID out.
    package var position: LogPosition
    package var createdMs: Int64
    /// When an ID without content is void.
    package var unusedExpiresAtMs: Int64 = 0
    package var uploadedMs: Int64 = 0
    /// 0 when it was never given out.
    package var accessedMs: Int64 = 0
    package var bytes: Int64 = 0
    /// BLAKE2b-256 of the content; empty without content.
    package var blob: [UInt8] = []
    package var contentType = ""
    package var fileName: String?

    package init(mediaID: String, user: UserNum, flags: Flags, position: LogPosition, createdMs: Int64) {
        self.mediaID = mediaID
        self.user = user
        self.flags = flags
        self.position = position
        self.createdMs = createdMs
    }

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        flags = Flags(rawValue: try input.readUInt8())
        user = try input.readUser()
        position = try input.readPosition()
        createdMs = try input.readInt64()
        unusedExpiresAtMs = try input.readInt64()
        uploadedMs = try input.readInt64()
        accessedMs = try input.readInt64()
        bytes = try input.readInt64()
        mediaID = try input.readFramedString()
        blob = try input.readFramedBytes()
        contentType = try input.readFramedString()
        fileName = try input.readOptionalString()
        try input.expectEnd()
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: 192)
        out.write(flags.rawValue)
        out.write(user.rawValue)
        out.write(position.rawValue)
        out.write(createdMs)
        out.write(unusedExpiresAtMs)
        out.write(uploadedMs)
        out.write(accessedMs)
        out.write(bytes)
        out.writeFramed(mediaID)
        out.writeFramed(blob)
        out.writeFramed(contentType)
        out.writeOptional(fileName)
        return out
    }

    package var hasContent: Bool { flags.contains(.hasContent) }
    package var isQuarantined: Bool { flags.contains(.quarantined) }
    package var isProtected: Bool { flags.contains(.protected) }
    package var needsAuthentication: Bool { flags.contains(.needsAuthentication) }
    package var isPreview: Bool { flags.contains(.preview) }
}

/// A user's media in the order of their IDs' making; what quotas add up.
package struct UserMediaRow: Hashable, Sendable {
    package var mediaID: String
    package var uploadedMs: Int64
    package var bytes: Int64

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        uploadedMs = try input.readInt64()
        bytes = try input.readInt64()
        mediaID = try ByteReader.string(input.readRest())
    }

    package static func encoded(mediaID: String, uploadedMs: Int64, bytes: Int64) -> ByteWriter {
        var out = ByteWriter(capacity: 64)
        out.write(uploadedMs)
        out.write(bytes)
        out.writeBytes(mediaID)
        return out
    }
}

/// A blob with the number of media that have it as their content.
package struct BlobRow: Hashable, Sendable {
    package var references: UInt32
    package var bytes: Int64

    package init(references: UInt32, bytes: Int64) {
        self.references = references
        self.bytes = bytes
    }

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        references = try input.readUInt32()
        bytes = try input.readInt64()
        try input.expectEnd()
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: 12)
        out.write(references)
        out.write(bytes)
        return out
    }
}
