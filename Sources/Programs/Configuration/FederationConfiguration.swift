package import MatrixIdentifiers

/// With which servers this one speaks, how it finds them, and whose word on keys it takes.
package struct FederationConfiguration: Sendable {
    /// A notary (`trusted_key_servers`).
    package struct TrustedKeyServer: Sendable, Hashable {
        package var serverName: ServerName
        /// Its keys by identifier; empty: they are asked of it.
        package var publicKeys: [String: [UInt8]] = [:]
        package var acceptsUnsigned = false
    }

    /// A key of this server that signs no more (`old_signing_keys`).
    package struct OldSigningKey: Sendable, Hashable {
        package var id: String
        package var publicKey: [UInt8]
        package var expiredMs: Int64
    }

    /// `federation_domain_whitelist`; nil: all servers.
    package var allowedServers: Set<ServerName>?
    /// `federation_ip_range_blacklist`; nil: as `ip_range_blacklist`.
    package var blockedRanges: [AddressRange]?
    package var verifiesCertificates = true
    /// `federation_certificate_verification_whitelist`: patterns of hosts.
    package var unverifiedHosts: [String] = []
    /// `federation_custom_ca_list`; empty: the system's authorities.
    package var authorityFiles: [String] = []
    /// `federation.client_timeout`.
    package var timeoutMs: Int64 = 60_000
    /// `federation.destination_min_retry_interval`, `…_retry_multiplier`, `…_max_retry_interval`.
    package var firstRetryMs: Int64 = 5000
    package var retryMultiplier = 2.0
    package var longestRetryMs: Int64 = 3_600_000
    package var trustedKeyServers: [TrustedKeyServer] = []
    package var oldSigningKeys: [OldSigningKey] = []
    /// `key_refresh_interval`: for how long this server says that its keys are good.
    package var keyLifetimeMs: Int64 = 86_400_000

    /// `allow_profile_lookup_over_federation`.
    package var allowsProfileLookup = true
    /// `allow_public_rooms_over_federation`.
    package var allowsPublicRooms = false
    /// `allow_device_name_lookup_over_federation`.
    package var namesDevices = false

    static let names: Set<String> = [
        "federation", "federation_domain_whitelist", "federation_ip_range_blacklist", "federation_verify_certificates",
        "federation_certificate_verification_whitelist", "federation_custom_ca_list", "trusted_key_servers",
        "suppress_key_server_warning", "old_signing_keys", "key_refresh_interval",
        "allow_profile_lookup_over_federation", "allow_public_rooms_over_federation",
        "allow_device_name_lookup_over_federation",
    ]
}
