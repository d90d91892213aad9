import EventSigning
import Glibc
import MatrixIdentifiers
import Yams

extension FederationConfiguration {
    mutating func read(_ root: Node.Mapping, _ folder: String, _ reader: inout YAMLReader) {
        if let names = reader.strings(root, "federation_domain_whitelist") {
            allowedServers = Set(
                names.compactMap { Self.server($0, root["federation_domain_whitelist"], &reader) })
        }
        blockedRanges = reader.ranges(root, "federation_ip_range_blacklist")
        verifiesCertificates = reader.flag(root, "federation_verify_certificates") ?? verifiesCertificates
        if !verifiesCertificates {
            reader.warn(
                root["federation_verify_certificates"], "federation_verify_certificates",
                "lets anybody on the way pose as another server; only for tests")
        }
        unverifiedHosts = reader.strings(root, "federation_certificate_verification_whitelist") ?? []
        for path in reader.strings(root, "federation_custom_ca_list") ?? [] {
            let path = path.hasPrefix("/") ? path : folder + path
            if access(path, R_OK) != 0 {
                reader.refuse(
                    root["federation_custom_ca_list"], "federation_custom_ca_list",
                    "names \(path), which cannot be read: \(String(cString: strerror(errno)))")
            }
            authorityFiles.append(path)
        }
        allowsProfileLookup = reader.flag(root, "allow_profile_lookup_over_federation") ?? allowsProfileLookup
        allowsPublicRooms = reader.flag(root, "allow_public_rooms_over_federation") ?? allowsPublicRooms
        namesDevices = reader.flag(root, "allow_device_name_lookup_over_federation") ?? namesDevices
        readClient(root, &reader)
        keyLifetimeMs = reader.duration(root, "key_refresh_interval") ?? keyLifetimeMs
        readOldKeys(root, &reader)
        readKeyServers(root, &reader)
    }

    private mutating func readClient(_ root: Node.Mapping, _ reader: inout YAMLReader) {
        guard let own = reader.mapping(root, "federation") else { return }
        let path = "federation."
        timeoutMs = reader.duration(own, "client_timeout", in: path) ?? timeoutMs
        firstRetryMs = reader.duration(own, "destination_min_retry_interval", in: path) ?? firstRetryMs
        longestRetryMs = reader.duration(own, "destination_max_retry_interval", in: path) ?? longestRetryMs
        retryMultiplier = reader.number(own, "destination_retry_multiplier", in: path) ?? retryMultiplier
        // What is a number of milliseconds for centuries would not add up with the time of the day.
        for (name, value) in [
            ("client_timeout", timeoutMs), ("destination_min_retry_interval", firstRetryMs),
            ("destination_max_retry_interval", longestRetryMs),
        ] where !(1...315_360_000_000).contains(value) {
            reader.refuse(own[name], path + name, "must be more than nothing and at most ten years")
        }
        reader.warnUnknown(
            own,
            known: [
                "client_timeout", "destination_min_retry_interval", "destination_max_retry_interval",
                "destination_retry_multiplier", "max_short_retry_delay", "max_long_retry_delay", "max_short_retries",
                "max_long_retries",
            ], in: path)
    }

    private mutating func readOldKeys(_ root: Node.Mapping, _ reader: inout YAMLReader) {
        guard let keys = reader.mapping(root, "old_signing_keys") else { return }
        for (idNode, node) in keys {
            let id = idNode.string ?? ""
            let path = "old_signing_keys.\(id)."
            guard let own = reader.mapping(keys, id, in: "old_signing_keys.") else { continue }
            let text = reader.string(own, "key", in: path)
            guard id.hasPrefix("ed25519:"), let publicKey = text.flatMap(UnpaddedBase64.decode), publicKey.count == 32
            else {
                reader.refuse(
                    node, "old_signing_keys.\(id)",
                    "is no key; write `\"ed25519:ID\": {key: \"the public key in Base64\", expired_ts: MILLISECONDS}`")
                continue
            }
            guard let expired = reader.integer(own, "expired_ts", in: path, range: 0...Int.max) else {
                reader.refuse(node, path + "expired_ts", "is missing; when the key was last used, in milliseconds")
                continue
            }
            oldSigningKeys.append(OldSigningKey(id: id, publicKey: publicKey, expiredMs: Int64(expired)))
        }
    }

    private mutating func readKeyServers(_ root: Node.Mapping, _ reader: inout YAMLReader) {
        let isMeant = reader.flag(root, "suppress_key_server_warning") ?? false
        guard let node = root["trusted_key_servers"], node.null == nil else { return }
        guard let list = node.sequence else {
            return reader.refuse(
                node, "trusted_key_servers", "must be a list; write `trusted_key_servers: [{server_name: example.org}]`"
            )
        }
        for (index, entry) in list.enumerated() {
            let path = "trusted_key_servers[\(index)]."
            guard let own = entry.mapping, let name = reader.string(own, "server_name", in: path) else {
                reader.refuse(entry, path + "server_name", "is missing; write `- {server_name: example.org}`")
                continue
            }
            guard let serverName = Self.server(name, entry, &reader) else { continue }
            if name == "matrix.org", !isMeant {
                reader.warn(
                    entry, "trusted_key_servers",
                    "trusts matrix.org, which learns of whom you hear; say suppress_key_server_warning: true if that is meant"
                )
            }
            var server = TrustedKeyServer(serverName: serverName)
            server.acceptsUnsigned = reader.flag(own, "accept_keys_insecurely", in: path) ?? false
            server.publicKeys = Self.publicKeys(own, path, &reader)
            if server.publicKeys.isEmpty, !verifiesCertificates, !server.acceptsUnsigned {
                reader.refuse(
                    entry, path + "verify_keys",
                    "must be named, since certificates are not verified: anybody could be this server")
            }
            trustedKeyServers.append(server)
        }
    }

    private static func publicKeys(
        _ own: Node.Mapping, _ path: String, _ reader: inout YAMLReader
    ) -> [String: [UInt8]] {
        guard let keys = reader.mapping(own, "verify_keys", in: path) else { return [:] }
        var found: [String: [UInt8]] = [:]
        for (idNode, node) in keys {
            let id = idNode.string ?? ""
            let publicKey = node.string.flatMap(UnpaddedBase64.decode)
            guard id.hasPrefix("ed25519:"), let publicKey, publicKey.count == 32 else {
                reader.refuse(node, path + "verify_keys", "must have entries such as `\"ed25519:auto\": \"Base64\"`")
                continue
            }
            found[id] = publicKey
        }
        return found
    }

    private static func server(_ text: String, _ node: Node?, _ reader: inout YAMLReader) -> ServerName? {
        do {
            return try ServerName(parsing: text)
        } catch {
            reader.refuse(node, text, "is not a server name: \(error.message)")
            return nil
        }
    }
}
