package import CanonicalJSON
package import MatrixIdentifiers

/// The `m.room.server_acl` of a room: which servers may take part in it.
///
/// "Server ACLs do not restrict the events relative to the room DAG via authorisation rules, but instead act purely at the
/// network layer".
package struct ServerACL: Sendable {
    private let allowsAddressLiterals: Bool
    private let allow: [ServerNameGlob]
    private let deny: [ServerNameGlob]

    /// Reads the content of the event; what has the wrong type in it counts as absent.
    package init(content: JSONObject) {
        // "Defaults to `true` if missing or otherwise not a boolean."
        allowsAddressLiterals = content["allow_ip_literals"]?.boolValue ?? true
        // "This defaults to an empty list when not provided, effectively disallowing every server."
        allow = Self.globs(content["allow"])
        deny = Self.globs(content["deny"])
    }

    /// Whether a server may take part. A room without the event is open: "If there is no `m.room.server_acl` event in the
    /// room state, allow."
    package func permits(_ server: ServerName) -> Bool {
        // "If the server name is an IP address (v4 or v6) literal, and `allow_ip_literals` is present and `false`, deny."
        if !allowsAddressLiterals, server.isAddressLiteral { return false }
        // "the suspect server's port number must not be considered."
        let name = ServerNameGlob.folded(server.host)
        // "If the server name matches an entry in the `deny` list, deny."
        if deny.contains(where: { $0.matches(name) }) { return false }
        // "If the server name matches an entry in the `allow` list, allow. Otherwise, deny."
        return allow.contains { $0.matches(name) }
    }

    private static func globs(_ list: JSONValue?) -> [ServerNameGlob] {
        (list?.arrayValue ?? []).compactMap { $0.stringValue.map(ServerNameGlob.init) }
    }
}

/// A "case-insensitive glob expression" over server names, which are ASCII.
private struct ServerNameGlob: Sendable {
    private let pattern: [UInt8]

    init(_ pattern: String) { self.pattern = Self.folded(pattern) }

    static func folded(_ text: String) -> [UInt8] {
        text.utf8.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 | 0x20 : $0 }
    }

    /// "The character `*` matches zero or more characters. `?` matches exactly one character."
    ///
    /// Only the last star is ever tried again, so the cost is at most the product of both lengths.
    func matches(_ name: [UInt8]) -> Bool {
        var at = 0
        var position = 0
        var retry: (pattern: Int, name: Int)?
        while position < name.count {
            if at < pattern.count, pattern[at] == UInt8(ascii: "*") {
                retry = (at &+ 1, position)
                at &+= 1
            } else if at < pattern.count, pattern[at] == UInt8(ascii: "?") || pattern[at] == name[position] {
                at &+= 1
                position &+= 1
            } else if let star = retry {
                at = star.pattern
                position = star.name &+ 1
                retry = (star.pattern, position)
            } else {
                return false
            }
        }
        return pattern[at...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
