package import EventLog
package import KeyValueStore

/// One entry of account data.
package struct AccountDataRow {
    /// The record that set it.
    package var position: LogPosition
    /// Kept here too because the key holds only a hash of a very long one.
    package var type: String
    package var contentJSON: UnsafeRawBufferPointer

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        position = try input.readPosition()
        type = try input.readFramedString()
        contentJSON = input.readRest()
    }

    package static func encoded(position: LogPosition, type: String, contentJSON: [UInt8]) -> ByteWriter {
        var out = ByteWriter(capacity: contentJSON.count + type.utf8.count + 10)
        out.write(position.rawValue)
        out.writeFramed(type)
        out.writeBytes(contentJSON)
        return out
    }
}

/// Which entry of account data a record changed last.
package struct AccountDataChangeRow: Hashable, Sendable {
    package var position: LogPosition
    package var room: RoomNum
    package var type: String

    package init(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) throws(ByteFault) {
        var keyInput = ByteReader(key)
        _ = try keyInput.readUser()
        position = try keyInput.readPosition()
        var input = ByteReader(value)
        room = try input.readRoom()
        type = try ByteReader.string(input.readRest())
    }

    package static func encoded(room: RoomNum, type: String) -> ByteWriter {
        var out = ByteWriter(capacity: type.utf8.count + 4)
        out.write(room.rawValue)
        out.writeBytes(type)
        return out
    }
}
