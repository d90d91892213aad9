import CanonicalJSON
import ProjectionEngine

/// What a room's head tells about the room's place in lists of rooms.
enum RoomBump {
    /// "\"Proper\" activity is defined as an event being received is one of the following types"; behind them the names
    /// that two of them have in clients until now.
    private static let types: [String] = [
        "m.room.message", "m.room.encrypted", "m.room.create", "m.sticker", "m.call.invite", "m.poll.start",
        "m.beacon_info", "org.matrix.msc3381.poll.start", "org.matrix.msc3672.beacon_info",
    ]

    static func isBump(_ type: String) -> Bool { types.contains { type.hasSameBytes(as: $0) } }

    /// The room's type that a create event says.
    static func roomType(ofCreate clientJSON: [UInt8]) -> String? {
        // Rendered events are open objects.
        let whole = clientJSON + [UInt8(ascii: "}")]
        guard let event = try? JSONValue.parse(whole, limits: .historicalPDU) else { return nil }
        return event["content"]?["type"]?.stringValue
    }
}
