package import MatrixIdentifiers

/// With which servers this one speaks, in both directions.
package struct FederationPeers: Sendable, Hashable {
    private let own: ServerName
    /// `federation_domain_whitelist`; nil: with all.
    private let allowed: Set<ServerName>?

    package init(own: ServerName, allowed: Set<ServerName>? = nil) {
        self.own = own
        self.allowed = allowed
    }

    /// Whether requests of a server are taken, and requests sent to it. A server does not federate with itself.
    package func includes(_ server: ServerName) -> Bool {
        server != own && (allowed?.contains(server) ?? true)
    }
}
