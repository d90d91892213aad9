import Glibc
import MatrixIdentifiers
import Yams

extension ServerConfiguration {
    /// Settings of Synapse that are understood and mean nothing here.
    private static let withoutEffect: Set<String> = [
        "database", "macaroon_secret_key", "form_secret", "report_stats", "pid_file", "log_config",
        "trusted_key_servers",
        "suppress_key_server_warning", "presence", "bcrypt_rounds", "caches", "redis", "instance_map", "worker_app",
        "federation_domain_whitelist", "federation_verify_certificates", "ip_range_blacklist", "url_preview_enabled",
        "event_cache_size", "gc_thresholds", "soft_file_limit", "user_directory", "rc_presence", "rc_admin_redaction",
        "rc_delayed_event_mgmt", "rc_federation", "rc_3pid_validation", "rc_key_requests", "rc_third_party_invite",
        "rc_media_create", "rc_reports", "rc_room_directory", "old_signing_keys", "key_refresh_interval", "push",
        "email",
        "turn_uris", "turn_shared_secret", "app_service_config_files", "experimental_features", "web_client_location",
        "encryption_enabled_by_default_for_room_type", "limit_profile_requests_to_users_who_share_rooms",
        "include_profile_data_on_invite", "allow_public_rooms_over_federation", "room_list_publication_rules",
        "alias_creation_rules", "enable_room_list_search", "auto_join_rooms", "autocreate_auto_join_rooms",
        "use_presence", "enable_3pid_lookup", "disable_msisdn_registration", "account_threepid_delegates", "stats",
        "block_non_admin_invites", "enable_search", "redaction_retention_period", "retention", "forget_rooms_on_leave",
        "user_ips_max_age", "extra_well_known_client_content", "default_identity_server", "server_notices",
        "invite_client_location", "media_storage_providers", "dynamic_thumbnails", "thumbnail_sizes",
        "max_image_pixels",
        "enable_authenticated_media", "rc_media", "loggers", "templates", "modules", "password_providers",
    ]

    private static let known: Set<String> = [
        "server_name", "public_baseurl", "listeners", "tls_certificate_path", "tls_private_key_path", "data_dir",
        "signing_key_path", "media_store_path", "registration_shared_secret", "registration_shared_secret_path",
        "enable_registration", "enable_registration_without_verification", "registration_requires_token",
        "allow_guest_access", "password_config", "session_lifetime", "refreshable_access_token_lifetime",
        "nonrefreshable_access_token_lifetime", "refresh_token_lifetime", "max_upload_size", "default_room_version",
        "rc_message", "rc_registration", "rc_registration_token_validity", "rc_login", "rc_joins", "rc_joins_per_room",
        "rc_invites", "rc_room_creation", "enable_metrics", "enable_set_displayname", "enable_set_avatar_url",
        "require_auth_for_profile_requests", "allow_public_rooms_without_auth", "serve_server_wellknown",
        "admin_contact",
        "log_level",
    ]

    /// Every setting that has an effect; the operator guide names each.
    package static var settingNames: [String] { known.sorted() }

    private static let largestFile = 1 << 20

    /// Reads a configuration file.
    ///
    /// - Returns: the configuration and what in the file has no effect.
    package static func load(
        path: String
    ) throws(ConfigurationErrors) -> (configuration: ServerConfiguration, warnings: [ConfigurationProblem]) {
        guard let text = readFile(path) else {
            throw ConfigurationErrors([
                ConfigurationProblem(
                    file: path, line: 0, setting: "",
                    what:
                        "cannot be read: \(String(cString: strerror(errno))). Name the file with --config, or make one with "
                        + "`engram init --server-name NAME`")
            ])
        }
        return try parse(text, path: path)
    }

    /// The same from a text.
    package static func parse(
        _ text: String, path: String
    ) throws(ConfigurationErrors) -> (configuration: ServerConfiguration, warnings: [ConfigurationProblem]) {
        func failure(_ line: Int, _ setting: String, _ what: String) -> ConfigurationErrors {
            ConfigurationErrors([ConfigurationProblem(file: path, line: line, setting: setting, what: what)])
        }
        guard text.utf8.count <= largestFile else { throw failure(0, "", "is larger than a mebibyte") }
        let node: Node?
        do {
            node = try Yams.compose(yaml: text)
        } catch {
            let mark = (error as? YamlError).flatMap { line(of: $0) } ?? 0
            throw failure(mark, "", "is not YAML: \(error)")
        }
        guard let root = node?.mapping else {
            throw failure(1, "", "has no settings; write `server_name: example.org`")
        }
        var reader = YAMLReader(file: path)
        guard let nameNode = root["server_name"], let name = nameNode.string else {
            throw failure(0, "server_name", "is missing; write `server_name: example.org`")
        }
        let serverName: ServerName
        do {
            serverName = try ServerName(parsing: name)
        } catch {
            throw failure(nameNode.mark?.line ?? 0, "server_name", "is not a server name: \(error.message)")
        }
        let folder = path.contains("/") ? String(path[..<(path.lastIndex(of: "/") ?? path.startIndex)]) + "/" : ""
        var configuration = ServerConfiguration(
            serverName: serverName, dataDirectory: folder + "data",
            signingKeyPath: folder + name + ".signing.key", mediaStorePath: folder + "media")
        configuration.readPaths(root, folder, &reader)
        configuration.readListeners(root, &reader)
        configuration.readAccounts(root, &reader)
        configuration.readRates(root, &reader)
        configuration.readRest(root, &reader)
        for (key, _) in root {
            if let name = key.string, withoutEffect.contains(name) {
                reader.warn(key, name, "is a setting of Synapse that engram does not use (yet); it has no effect")
            }
        }
        reader.warnUnknown(root, known: known.union(withoutEffect), in: "")
        guard reader.errors.isEmpty else { throw ConfigurationErrors(reader.errors) }
        return (configuration, reader.warnings)
    }

    private static func line(of error: YamlError) -> Int? {
        switch error {
        case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _): mark.line
        default: nil
        }
    }

    private static func readFile(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: largestFile + 1)
        var filled = 0
        while filled < bytes.count {
            let got = bytes.withUnsafeMutableBytes {
                read(descriptor, $0.baseAddress.map { $0 + filled }, $0.count - filled)
            }
            if got < 0 { return nil }
            if got == 0 { break }
            filled += got
        }
        return String(decoding: bytes.prefix(filled), as: UTF8.self)
    }
}
