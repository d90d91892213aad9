/// A room alias: `#room_alias:domain`.
package struct RoomAlias: MatrixIdentifier {
    package let rawValue: String

    /// Parses an alias; "The localpart of a room alias may contain any valid non-surrogate Unicode codepoints except `:`
    /// and `NUL`."
    package init(parsing string: String) throws(IdentifierError) {
        guard let colon = try IdentifierBytes.checkSigil("#", of: string, .roomAlias) else {
            throw IdentifierError(.roomAlias, .missingServerName)
        }
        guard string.utf8.distance(from: string.startIndex, to: colon) > 1 else {
            throw IdentifierError(.roomAlias, .invalidLocalpart)
        }
        rawValue = string
    }

    /// Makes an alias from its parts.
    package init(localpart: String, server: ServerName) throws(IdentifierError) {
        guard !localpart.utf8.contains(IdentifierBytes.colon) else {
            throw IdentifierError(.roomAlias, .invalidLocalpart)
        }
        try self.init(parsing: "#\(localpart):\(server.rawValue)")
    }

    /// What stands before the server name, without the sigil.
    package var localpart: String { IdentifierBytes.localpart(of: rawValue) }

    /// The homeserver that knows which room is meant.
    package var serverName: ServerName {
        // An alias always has one; the parser has seen it.
        IdentifierBytes.serverName(of: rawValue) ?? ServerName(validated: "")
    }
}
