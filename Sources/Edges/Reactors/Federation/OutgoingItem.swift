import EventLog
import MatrixIdentifiers

/// A record that a destination must be told of. What it is told is read when it is told.
struct OutgoingItem: Sendable, Hashable {
    enum Content: Sendable, Hashable {
        /// An event, with its own position: that of the record that promised to pass it on may be a later one.
        case pdu(LogPosition, room: RoomID)
        case toDevice
        case deviceList(UserID)
    }

    /// The record's.
    let position: LogPosition
    let content: Content
}
