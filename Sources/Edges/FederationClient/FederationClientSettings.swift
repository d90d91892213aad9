package import FederationCommands
package import MatrixIdentifiers
package import OutboundHTTP

/// How other servers are asked.
package struct FederationClientSettings: Sendable {
    /// `federation_ip_range_blacklist`, else `ip_range_blacklist`.
    package var policy = AddressPolicy()
    /// `federation_verify_certificates`.
    package var verifiesCertificates = true
    /// `federation_certificate_verification_whitelist`: hosts whose certificates are not looked at.
    package var unverifiedHosts: [HostPattern] = []
    /// `federation_custom_ca_list`: files of authorities, instead of the system's.
    package var authorityFiles: [String] = []
    /// `federation.client_timeout`, for requests that name no time of their own.
    package var timeoutMs: Int64 = 60_000
    package var backOff = BackOff.Policy()
    package var connectTimeoutMs: Int64 = 10_000

    /// What a test has of its own; nil and the defaults in the world.
    package var lookUp: (@Sendable (String) -> [String])?
    package var nameServer: ServiceResolver.NameServer?
    package var port = 8448
    package var wellKnownPort = 443

    package init() {}
}
