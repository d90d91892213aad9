package import EventLog
package import KeyValueStore

/// What is known of a room that nobody here is in.
package struct OutsideRow: Hashable, Sendable {
    /// The record that said so.
    package let position: LogPosition
    package let roomVersion: String
    package let eventID: String
    /// The server that it came from.
    package let origin: String
    /// The user's member event as signed.
    package let eventJSON: [UInt8]
    /// Stripped state events.
    package let roomStateJSON: [[UInt8]]

    package init(
        position: LogPosition, roomVersion: String, eventID: String, origin: String, eventJSON: [UInt8],
        roomStateJSON: [[UInt8]]
    ) {
        self.position = position
        self.roomVersion = roomVersion
        self.eventID = eventID
        self.origin = origin
        self.eventJSON = eventJSON
        self.roomStateJSON = roomStateJSON
    }

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        position = try input.readPosition()
        roomVersion = try input.readFramedString()
        eventID = try input.readFramedString()
        origin = try input.readFramedString()
        eventJSON = try input.readFramedBytes()
        var state: [[UInt8]] = []
        while input.remaining > 0 { state.append(try input.readFramedBytes()) }
        roomStateJSON = state
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: 512 + eventJSON.count)
        out.write(position.rawValue)
        for text in [roomVersion, eventID, origin] { out.writeFramed(Array(text.utf8)) }
        out.writeFramed(eventJSON)
        for event in roomStateJSON { out.writeFramed(event) }
        return out
    }
}
