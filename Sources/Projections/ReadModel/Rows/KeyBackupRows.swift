package import KeyValueStore

/// The backups of a user in general.
package struct BackupHeadRow: Hashable, Sendable {
    /// The version of the stream of the user's backups.
    package var streamVersion: UInt64 = 0
    /// The number last given to a backup; numbers are never used again.
    package var lastVersion: UInt64 = 0
    /// The newest backup that was not deleted; 0 when there is none.
    package var current: UInt64 = 0

    package init() {}

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        streamVersion = try input.readUInt64()
        lastVersion = try input.readUInt64()
        current = try input.readUInt64()
        try input.expectEnd()
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: 24)
        out.write(streamVersion)
        out.write(lastVersion)
        out.write(current)
        return out
    }
}

/// One backup of a user.
package struct BackupVersionRow: Hashable, Sendable {
    package var isDeleted = false
    /// Grows with every change of its keys.
    package var etag: UInt64 = 0
    package var count: UInt64 = 0
    package var algorithm: String
    package var authDataJSON: [UInt8]

    package init(algorithm: String, authDataJSON: [UInt8]) {
        self.algorithm = algorithm
        self.authDataJSON = authDataJSON
    }

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        isDeleted = try input.readUInt8() != 0
        etag = try input.readUInt64()
        count = try input.readUInt64()
        algorithm = try input.readFramedString()
        authDataJSON = Array(input.readRest())
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: authDataJSON.count + algorithm.utf8.count + 20)
        out.write(UInt8(isDeleted ? 1 : 0))
        out.write(etag)
        out.write(count)
        out.writeFramed(algorithm)
        out.writeBytes(authDataJSON)
        return out
    }
}

/// The key of one session in a backup.
package struct BackupKeyRow {
    package var roomID: String
    package var sessionID: String
    package var json: UnsafeRawBufferPointer

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        roomID = try input.readFramedString()
        sessionID = try input.readFramedString()
        json = input.readRest()
    }

    package static func encoded(roomID: String, sessionID: String, json: [UInt8]) -> ByteWriter {
        var out = ByteWriter(capacity: roomID.utf8.count + sessionID.utf8.count + json.count + 4)
        out.writeFramed(roomID)
        out.writeFramed(sessionID)
        out.writeBytes(json)
        return out
    }
}
