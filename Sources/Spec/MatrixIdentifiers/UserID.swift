/// A user ID: `@localpart:domain`.
package struct UserID: MatrixIdentifier {
    package let rawValue: String

    /// Parses any user ID that servers must accept.
    ///
    /// "clients and servers MUST accept user IDs with localparts consisting of any legal non-surrogate Unicode code points
    /// except for `:` and `NUL` (U+0000), including other control characters and the empty string."
    package init(parsing string: String) throws(IdentifierError) {
        guard try IdentifierBytes.checkSigil("@", of: string, .userID) != nil else {
            throw IdentifierError(.userID, .missingServerName)
        }
        rawValue = string
    }

    /// Makes the ID of a new account, whose localpart must keep the current grammar.
    ///
    /// "It MUST NOT be empty, and MUST contain only the characters `a-z`, `0-9`, `.`, `_`, `=`, `-`, `/`, and `+`."
    package init(localpart: String, server: ServerName) throws(IdentifierError) {
        guard UserID.isCurrent(localpart: localpart[...]) else { throw IdentifierError(.userID, .invalidLocalpart) }
        let string = "@\(localpart):\(server.rawValue)"
        guard string.utf8.count <= IdentifierBytes.maxCount else { throw IdentifierError(.userID, .tooLong) }
        rawValue = string
    }

    /// What stands before the server name, without the sigil.
    package var localpart: String { IdentifierBytes.localpart(of: rawValue) }

    /// The homeserver that allocated the account.
    package var serverName: ServerName {
        // A user ID always has one; the parser has seen it.
        IdentifierBytes.serverName(of: rawValue) ?? ServerName(validated: "")
    }

    /// Whether the account is on `server`, without making a string.
    package func isOn(_ server: ServerName) -> Bool {
        let bytes = rawValue.utf8
        guard let colon = bytes.firstIndex(of: IdentifierBytes.colon) else { return false }
        return bytes[bytes.index(after: colon)...].elementsEqual(server.rawValue.utf8)
    }

    /// Whether the localpart keeps the grammar for new user IDs.
    package var isCurrent: Bool { UserID.isCurrent(localpart: localpart[...]) }

    /// Whether the user ID may be shown to clients outside events.
    ///
    /// "User IDs with localparts containing characters outside the range U+0021 to U+007E, or with an empty localpart, are
    /// considered non-compliant."
    package var isCompliant: Bool {
        let localpart = localpart
        return !localpart.isEmpty && localpart.utf8.allSatisfy { 0x21...0x7E ~= $0 }
    }

    private static func isCurrent(localpart: Substring) -> Bool {
        guard !localpart.isEmpty else { return false }
        return localpart.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "="), UInt8(ascii: "-"), UInt8(ascii: "/"), UInt8(ascii: "+"):
                true
            default: false
            }
        }
    }
}
