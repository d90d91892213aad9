package import EventLog
package import KeyValueStore

/// What a local alias points to.
package struct AliasRow: Hashable, Sendable {
    package var room: RoomNum
    package var creator: String

    package init(room: RoomNum, creator: String) {
        self.room = room
        self.creator = creator
    }

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        room = try input.readRoom()
        creator = try ByteReader.string(input.readRest())
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: creator.utf8.count + 4)
        out.write(room.rawValue)
        out.writeBytes(creator)
        return out
    }
}

/// A room of the public directory.
package struct PublishedRow: Hashable, Sendable {
    package var room: RoomNum
    /// The record that listed it.
    package var position: LogPosition

    package init(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) throws(ByteFault) {
        var keyInput = ByteReader(key)
        room = try keyInput.readRoom()
        var input = ByteReader(value)
        position = try input.readPosition()
    }
}
