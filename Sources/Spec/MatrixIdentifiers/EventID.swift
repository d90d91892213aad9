/// An event ID: `$opaque_id`, with a server name in room versions 1 and 2, the event's reference hash in later ones.
///
/// "They are intended to be treated as fully opaque strings by clients."
package struct EventID: MatrixIdentifier {
    package let rawValue: String

    package init(parsing string: String) throws(IdentifierError) {
        let colon = try IdentifierBytes.checkSigil("$", of: string, .eventID)
        guard colon != nil || string.utf8.count > 1 else { throw IdentifierError(.eventID, .invalidLocalpart) }
        rawValue = string
    }

    /// Makes the ID from a reference hash that is already in the base64 the room version wants.
    package init(referenceHash: String) throws(IdentifierError) {
        guard !referenceHash.utf8.contains(IdentifierBytes.colon) else {
            throw IdentifierError(.eventID, .invalidLocalpart)
        }
        try self.init(parsing: "$" + referenceHash)
    }

    /// Makes the ID of an event of room version 1 or 2.
    package init(opaque: String, server: ServerName) throws(IdentifierError) {
        guard !opaque.utf8.contains(IdentifierBytes.colon) else { throw IdentifierError(.eventID, .invalidLocalpart) }
        try self.init(parsing: "$\(opaque):\(server.rawValue)")
    }

    /// Wraps a string known to keep the grammar.
    init(validated string: String) {
        rawValue = string
    }

    /// The part between the sigil and the server name, if there is one.
    package var opaque: String { IdentifierBytes.localpart(of: rawValue) }

    /// The server named in the ID, in room versions 1 and 2.
    package var serverName: ServerName? { IdentifierBytes.serverName(of: rawValue) }
}
