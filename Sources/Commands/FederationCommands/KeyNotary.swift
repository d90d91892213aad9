package import MatrixIdentifiers

/// A server that is trusted to say which keys other servers have (`trusted_key_servers`).
package struct KeyNotary: Sendable, Hashable {
    package let serverName: ServerName
    /// Its own keys by identifier, when the operator named them; otherwise they are asked of it.
    package let publicKeys: [String: [UInt8]]
    /// `accept_keys_insecurely`: what it says counts without its signature.
    package let isTrustedUnsigned: Bool

    package init(serverName: ServerName, publicKeys: [String: [UInt8]] = [:], isTrustedUnsigned: Bool = false) {
        self.serverName = serverName
        self.publicKeys = publicKeys
        self.isTrustedUnsigned = isTrustedUnsigned
    }
}
