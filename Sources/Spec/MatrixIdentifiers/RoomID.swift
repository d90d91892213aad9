/// A room ID: `!opaque_id:domain`, or from room version 12 on `!` and the hash of the create event.
package struct RoomID: MatrixIdentifier {
    package let rawValue: String

    package init(parsing string: String) throws(IdentifierError) {
        let colon = try IdentifierBytes.checkSigil("!", of: string, .roomID)
        guard colon != nil || string.utf8.count > 1 else { throw IdentifierError(.roomID, .invalidLocalpart) }
        rawValue = string
    }

    /// Makes the ID of a room whose version wants a server name in it.
    package init(opaque: String, server: ServerName) throws(IdentifierError) {
        guard !opaque.utf8.contains(IdentifierBytes.colon) else { throw IdentifierError(.roomID, .invalidLocalpart) }
        try self.init(parsing: "!\(opaque):\(server.rawValue)")
    }

    /// Makes the ID of a room whose version wants no server name in it.
    ///
    /// "room IDs are simply the event ID of the `m.room.create` event using `!` as the sigil instead of `$`."
    package init(createEventID: EventID) {
        rawValue = "!" + IdentifierBytes.withoutSigil(createEventID.rawValue)
    }

    /// The part between the sigil and the server name, if there is one.
    package var opaque: String { IdentifierBytes.localpart(of: rawValue) }

    /// The server that created the room, when the ID names it.
    package var serverName: ServerName? { IdentifierBytes.serverName(of: rawValue) }

    /// The ID of the create event, when this room ID is made from it.
    package var createEventID: EventID? {
        guard !rawValue.utf8.contains(IdentifierBytes.colon) else { return nil }
        return EventID(validated: "$" + IdentifierBytes.withoutSigil(rawValue))
    }
}
