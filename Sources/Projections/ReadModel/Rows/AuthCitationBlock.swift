package import EventLog
package import KeyValueStore

/// State events that cite one event among their auth events, packed: the key of `auth.citations` is the room, the cited event
/// and the first of them; each is a varint, the distance from the one before.
package struct AuthCitationBlock {
    /// A block with so many bytes gets no more.
    package static let fullBytes = 240

    package let room: RoomNum
    package let cited: LogPosition
    package let first: LogPosition
    /// In ascending order.
    package private(set) var citing: [LogPosition]

    package init(key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) throws(ByteFault) {
        var keyInput = ByteReader(key)
        room = try keyInput.readRoom()
        cited = try keyInput.readPosition()
        first = try keyInput.readPosition()
        citing = [first]
        var input = ByteReader(value)
        var position = first.rawValue
        while input.remaining > 0 {
            position &+= try input.readVarint()
            citing.append(LogPosition(rawValue: position))
        }
    }
}
