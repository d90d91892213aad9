import Configuration
import MatrixIdentifiers
import Testing

@Suite struct FederationConfigurationTests {
    private func load(_ text: String) throws -> (configuration: ServerConfiguration, warnings: [ConfigurationProblem]) {
        try ServerConfiguration.parse("server_name: a.b\n" + text, path: "conf/h.yaml")
    }

    private func problems(_ text: String) -> [ConfigurationProblem] {
        do throws(ConfigurationErrors) {
            _ = try ServerConfiguration.parse("server_name: a.b\n" + text, path: "conf/h.yaml")
            return []
        } catch {
            return error.problems
        }
    }

    @Test func everySettingIsRead() throws {
        let key = "Noi6WqcDj0QmPxCNQqgezwTlBKrfqehY1u2FyWP9uYw"
        let loaded = try load(
            """
            federation_domain_whitelist: [one.example, 'two.example:8448']
            federation_ip_range_blacklist: ['10.0.0.0/8']
            federation_certificate_verification_whitelist: ['*.example']
            federation_custom_ca_list: [/dev/null]
            federation: {client_timeout: 5s, destination_min_retry_interval: 2s, destination_retry_multiplier: 3,
                         destination_max_retry_interval: 1d}
            trusted_key_servers: [{server_name: n.example, verify_keys: {'ed25519:auto': \(key)}}, {server_name: m.example}]
            old_signing_keys: {'ed25519:old': {key: \(key), expired_ts: 1500000000000}}
            key_refresh_interval: 2d
            allow_profile_lookup_over_federation: false
            allow_public_rooms_over_federation: true
            allow_device_name_lookup_over_federation: true
            """)
        #expect(loaded.warnings.isEmpty)
        let federation = loaded.configuration.federation
        #expect(federation.allowedServers?.count == 2)
        #expect(federation.blockedRanges == [AddressRange("10.0.0.0/8")].compactMap { $0 })
        #expect(federation.unverifiedHosts == ["*.example"] && federation.authorityFiles == ["/dev/null"])
        #expect(federation.timeoutMs == 5000 && federation.firstRetryMs == 2000 && federation.retryMultiplier == 3)
        #expect(federation.longestRetryMs == 86_400_000 && federation.keyLifetimeMs == 2 * 86_400_000)
        #expect(federation.trustedKeyServers.map(\.serverName.rawValue) == ["n.example", "m.example"])
        #expect(federation.trustedKeyServers[0].publicKeys["ed25519:auto"]?.count == 32)
        #expect(federation.trustedKeyServers[1].publicKeys.isEmpty)
        #expect(federation.oldSigningKeys.map(\.id) == ["ed25519:old"])
        #expect(federation.oldSigningKeys.first?.expiredMs == 1_500_000_000_000)
        #expect(!federation.allowsProfileLookup && federation.allowsPublicRooms && federation.namesDevices)
    }

    @Test func theDefaultsAreSafe() throws {
        let federation = try load("").configuration.federation
        #expect(federation.allowedServers == nil && federation.blockedRanges == nil && federation.verifiesCertificates)
        #expect(federation.trustedKeyServers.isEmpty && federation.oldSigningKeys.isEmpty)
        #expect(try load("federation_domain_whitelist: []").configuration.federation.allowedServers?.isEmpty == true)
        #expect(try load("federation_domain_whitelist: null").configuration.federation.allowedServers == nil)
    }

    @Test(arguments: [
        ("federation_domain_whitelist: ['no name']", 1), ("federation_domain_whitelist: a.b", 1),
        ("federation_ip_range_blacklist: [x]", 1), ("federation_custom_ca_list: [/nowhere/at/all]", 1),
        ("federation: {client_timeout: 0}", 1), ("federation: {client_timeout: 99999y}", 1),
        ("federation: 5", 1), ("trusted_key_servers: x", 1), ("trusted_key_servers: [x]", 1),
        ("trusted_key_servers: [{server_name: 'a b'}]", 1),
        ("trusted_key_servers: [{server_name: a.b, verify_keys: {'ed25519:a': '!'}}]", 1),
        ("federation_verify_certificates: false\ntrusted_key_servers: [{server_name: a.b}]", 1),
        ("old_signing_keys: {'ed25519:a': {key: x, expired_ts: 1}}", 1),
        ("old_signing_keys: {'ed25519:a': {key: Noi6WqcDj0QmPxCNQqgezwTlBKrfqehY1u2FyWP9uYw}}", 1),
    ])
    func wrongValuesAreRefused(text: String, count: Int) {
        #expect(problems(text).count == count)
    }

    @Test func whatIsDoubtfulWarns() throws {
        #expect(try load("federation_verify_certificates: false").warnings.count == 1)
        #expect(try load("trusted_key_servers: [{server_name: matrix.org}]").warnings.count == 1)
        let meant = try load("trusted_key_servers: [{server_name: matrix.org}]\nsuppress_key_server_warning: true")
        #expect(meant.warnings.isEmpty)
        #expect(try load("federation: {max_short_retries: 3}").warnings.isEmpty)
        #expect(try load("federation: {clint_timeout: 3}").warnings.first?.what.contains("client_timeout") == true)
    }
}
