import Glibc
import MatrixIdentifiers
import Yams

extension ServerConfiguration {
    /// Settings of Synapse that are understood and mean nothing here.
    private static let withoutEffect = SynapseSettings.names.subtracting(known)

    private static let known = Set<String>([
        "server_name", "public_baseurl", "listeners", "tls_certificate_path", "tls_private_key_path", "data_dir",
        "signing_key_path", "media_store_path", "registration_shared_secret", "registration_shared_secret_path",
        "enable_registration", "enable_registration_without_verification", "registration_requires_token",
        "allow_guest_access", "password_config", "session_lifetime", "refreshable_access_token_lifetime",
        "nonrefreshable_access_token_lifetime", "refresh_token_lifetime", "max_upload_size", "default_room_version",
        "rc_message", "rc_registration", "rc_registration_token_validity", "rc_login", "rc_joins", "rc_joins_per_room",
        "rc_invites", "rc_room_creation", "enable_metrics", "enable_set_displayname", "enable_set_avatar_url",
        "require_auth_for_profile_requests", "allow_public_rooms_without_auth", "serve_server_wellknown",
        "push", "ip_range_blacklist", "ip_range_whitelist",
        "use_insecure_ssl_client_just_for_testing_do_not_use",
        "log_level", "presence", "use_presence", "turn_uris", "turn_shared_secret", "turn_username", "turn_password",
        "turn_user_lifetime", "turn_allow_guests", "user_directory", "enable_search",
    ]).union(MediaConfiguration.names).union(DelayedEventConfiguration.names)
        .union(FederationConfiguration.names).union(ServerNoticesConfiguration.names).union(SupportConfiguration.names)

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
        func failure(_ line: Int, _ setting: String, _ what: String, column: Int = 0) -> ConfigurationErrors {
            ConfigurationErrors([
                ConfigurationProblem(file: path, line: line, column: column, setting: setting, what: what)
            ])
        }
        guard text.utf8.count <= largestFile else { throw failure(0, "", "is larger than a mebibyte") }
        let node: Node?
        do {
            try YAMLBounds.check(Array(text.utf8))
            node = try Yams.compose(yaml: text)
        } catch let fault as YAMLBounds.Fault {
            throw failure(fault.line, "", fault.what, column: fault.column)
        } catch {
            let (mark, what) = describe(error)
            throw failure(mark?.line ?? 0, "", what, column: mark?.column ?? 0)
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
        configuration.readCalls(root, &reader)
        configuration.readSearch(root, &reader)
        configuration.readRates(root, &reader)
        configuration.readDelayedEvents(root, &reader)
        configuration.readServerNotices(root, &reader)
        configuration.readSupport(root, &reader)
        configuration.readOutbound(root, &reader)
        configuration.federation.read(root, folder, &reader)
        configuration.readRest(root, &reader)
        configuration.media.read(root, &reader)
        for (key, _) in root {
            if let name = key.string, withoutEffect.contains(name) {
                reader.warn(key, name, "is a setting of Synapse that engram does not use (yet); it has no effect")
            }
        }
        reader.warnUnknown(root, known: known.union(withoutEffect), in: "")
        guard reader.errors.isEmpty else { throw ConfigurationErrors(reader.errors) }
        return (configuration, reader.warnings)
    }

    /// What the parser says, on one line. Its own description quotes the file, for a name that is written twice even the
    /// whole of it, and there are secrets in it.
    private static func describe(_ error: any Error) -> (mark: Mark?, what: String) {
        switch error as? YamlError {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let before = context.map { "\($0.text) in line \($0.mark.line): " } ?? ""
            return (
                mark, "is not YAML: \(before)\(problem); check indentation, colons and quotes there and one line above"
            )
        case .duplicatedKeysInMapping(let duplicates, let context):
            return (context.mark, "has \(duplicates.sorted().joined(separator: ", ")) twice; leave one of them")
        case .reader(let problem, _, _, _):
            return (nil, "is not YAML: \(problem); remove control characters")
        default:
            return (nil, "is not YAML; compare it with what `engram init` writes")
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
