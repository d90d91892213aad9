import Glibc
import Yams

extension ServerConfiguration {
    mutating func readPaths(_ root: Node.Mapping, _ folder: String, _ reader: inout YAMLReader) {
        func resolved(_ path: String) -> String { path.hasPrefix("/") ? path : folder + path }
        if let path = reader.string(root, "data_dir") { dataDirectory = resolved(path) }
        if let path = reader.string(root, "signing_key_path") { signingKeyPath = resolved(path) }
        if let path = reader.string(root, "media_store_path") { mediaStorePath = resolved(path) }
        tlsCertificatePath = reader.string(root, "tls_certificate_path").map(resolved)
        tlsPrivateKeyPath = reader.string(root, "tls_private_key_path").map(resolved)
        registrationSharedSecret = reader.secret(root, "registration_shared_secret")
        if let path = reader.string(root, "registration_shared_secret_path").map(resolved) {
            guard registrationSharedSecret == nil else {
                reader.refuse(
                    root["registration_shared_secret_path"], "registration_shared_secret_path",
                    "stands beside registration_shared_secret; keep one of them")
                return
            }
            guard let file = fopen(path, "r") else {
                reader.refuse(
                    root["registration_shared_secret_path"], "registration_shared_secret_path",
                    "cannot be read: \(String(cString: strerror(errno)))")
                return
            }
            defer { fclose(file) }
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = fread(&buffer, 1, buffer.count, file)
            let secret = String(decoding: buffer.prefix(count), as: UTF8.self)
            registrationSharedSecret = secret.split(whereSeparator: \.isWhitespace).first.map(String.init)
            if registrationSharedSecret == nil {
                reader.refuse(
                    root["registration_shared_secret_path"], "registration_shared_secret_path",
                    "names a file without a secret; write a long random text into it")
            }
        }
    }

    mutating func readListeners(_ root: Node.Mapping, _ reader: inout YAMLReader) {
        guard let node = root["listeners"], node.null == nil else { return }
        guard let list = node.sequence, !list.isEmpty else {
            reader.refuse(node, "listeners", "must be a list; write `listeners: [{port: 8008, type: http}]`")
            return
        }
        listeners = []
        for (index, entry) in list.enumerated() {
            let path = "listeners[\(index)]."
            guard let map = entry.mapping else {
                reader.refuse(entry, "listeners[\(index)]", "must have settings; write `- {port: 8008, type: http}`")
                continue
            }
            if let listener = readListener(map, entry, path, &reader) { listeners.append(listener) }
        }
    }

    private func readListener(
        _ map: Node.Mapping, _ entry: Node, _ path: String, _ reader: inout YAMLReader
    ) -> ListenerSetting? {
        reader.warnUnknown(
            map,
            known: [
                "port", "bind_addresses", "bind_address", "type", "tls", "x_forwarded", "resources", "path", "mode",
                "additional_resources", "request_id_header",
            ], in: path)
        let unixPath = reader.string(map, "path", in: path)
        let port = reader.integer(map, "port", in: path, range: 0...65535)
        guard port != nil || unixPath != nil else {
            reader.refuse(entry, path + "port", "is missing; write `port: 8008`")
            return nil
        }
        var listener = ListenerSetting(port: port ?? 0, unixPath: unixPath)
        listener.type = reader.string(map, "type", in: path) ?? "http"
        guard listener.type == "http" || listener.type == "metrics" else {
            reader.refuse(map["type"], path + "type", "must be http or metrics")
            return nil
        }
        listener.addresses =
            reader.strings(map, "bind_addresses", in: path) ?? reader.string(map, "bind_address", in: path).map { [$0] }
            ?? ["127.0.0.1"]
        listener.isTLS = reader.flag(map, "tls", in: path) ?? false
        listener.xForwarded = reader.flag(map, "x_forwarded", in: path) ?? false
        if listener.isTLS && (tlsCertificatePath == nil || tlsPrivateKeyPath == nil) {
            reader.refuse(map["tls"], path + "tls", "needs tls_certificate_path and tls_private_key_path in this file")
        }
        if listener.type == "metrics" {
            listener.resources = ["metrics"]
        } else if let resources = readResources(map, path, &reader) {
            listener.resources = resources
        }
        return listener
    }

    /// The names in `resources`. What cannot be read is refused: an empty set would mean all resources to the front.
    private func readResources(_ map: Node.Mapping, _ path: String, _ reader: inout YAMLReader) -> Set<String>? {
        guard let node = map["resources"], node.null == nil else { return nil }
        let example = "write `resources: [{names: [client, federation]}]`"
        guard let entries = node.sequence, !entries.isEmpty else {
            reader.refuse(node, path + "resources", "must be a list; \(example)")
            return nil
        }
        var names: Set<String> = []
        for (index, entry) in entries.enumerated() {
            let here = "\(path)resources[\(index)]"
            guard let own = entry.mapping else {
                reader.refuse(entry, here, "must have settings; \(example)")
                continue
            }
            reader.warnUnknown(own, known: ["names", "compress"], in: here + ".")
            let read = reader.strings(own, "names", in: here + ".") ?? []
            if read.isEmpty { reader.refuse(entry, here + ".names", "names no resource; \(example)") }
            names.formUnion(read)
        }
        return names
    }

    mutating func readAccounts(_ root: Node.Mapping, _ reader: inout YAMLReader) {
        enableRegistration = reader.flag(root, "enable_registration") ?? enableRegistration
        enableRegistrationWithoutVerification =
            reader.flag(root, "enable_registration_without_verification") ?? enableRegistrationWithoutVerification
        registrationRequiresToken = reader.flag(root, "registration_requires_token") ?? registrationRequiresToken
        if enableRegistration && !enableRegistrationWithoutVerification && !registrationRequiresToken {
            reader.refuse(
                root["enable_registration"], "enable_registration",
                "would let anybody register, spammers too. Set registration_requires_token: true, or say that it is meant "
                    + "with enable_registration_without_verification: true")
        }
        allowGuestAccess = reader.flag(root, "allow_guest_access") ?? allowGuestAccess
        if let passwords = reader.mapping(root, "password_config") {
            // Synapse's third value lets passwords confirm what a logged-in user does; we have no such middle way.
            if passwords["enabled"]?.string == "only_for_reauth" {
                passwordsEnabled = false
            } else {
                passwordsEnabled = reader.flag(passwords, "enabled", in: "password_config.") ?? passwordsEnabled
            }
            if let policy = reader.mapping(passwords, "policy", in: "password_config.") {
                passwordMinimumLength =
                    reader.integer(policy, "minimum_length", in: "password_config.policy.", range: 0...512) ?? 0
            }
        }
        sessionLifetimeMs = reader.duration(root, "session_lifetime")
        // An explicit null means that there is no such lifetime; leaving the setting out means five minutes.
        if root["refreshable_access_token_lifetime"] != nil {
            refreshableAccessTokenLifetimeMs = reader.duration(root, "refreshable_access_token_lifetime")
        }
        nonRefreshableAccessTokenLifetimeMs = reader.duration(root, "nonrefreshable_access_token_lifetime")
        refreshTokenLifetimeMs = reader.duration(root, "refresh_token_lifetime")
    }

    mutating func readRates(_ root: Node.Mapping, _ reader: inout YAMLReader) {
        reader.rate(root, "rc_message", into: &rates.message)
        reader.rate(root, "rc_registration", into: &rates.registration)
        reader.rate(root, "rc_registration_token_validity", into: &rates.registrationTokenValidity)
        reader.rate(root, "rc_joins_per_room", into: &rates.joinsPerRoom)
        reader.rate(root, "rc_room_creation", into: &rates.roomCreation)
        reader.rate(root, "rc_media_create", into: &rates.mediaCreate)
        if let login = reader.mapping(root, "rc_login") {
            reader.rate(login, "address", in: "rc_login.", into: &rates.loginAddress)
            reader.rate(login, "account", in: "rc_login.", into: &rates.loginAccount)
            reader.rate(login, "failed_attempts", in: "rc_login.", into: &rates.loginFailedAttempts)
        }
        if let joins = reader.mapping(root, "rc_joins") {
            reader.rate(joins, "local", in: "rc_joins.", into: &rates.joinsLocal)
            reader.rate(joins, "remote", in: "rc_joins.", into: &rates.joinsRemote)
        }
        if let invites = reader.mapping(root, "rc_invites") {
            reader.rate(invites, "per_room", in: "rc_invites.", into: &rates.invitesPerRoom)
            reader.rate(invites, "per_user", in: "rc_invites.", into: &rates.invitesPerUser)
            reader.rate(invites, "per_issuer", in: "rc_invites.", into: &rates.invitesPerIssuer)
        }
    }

    mutating func readRest(_ root: Node.Mapping, _ reader: inout YAMLReader) {
        publicBaseURL = reader.string(root, "public_baseurl")
        maxUploadSize = reader.size(root, "max_upload_size") ?? maxUploadSize
        if let version = reader.string(root, "default_room_version") {
            defaultRoomVersion = version
            if !(1...12).map(String.init).contains(version) {
                reader.refuse(
                    root["default_room_version"], "default_room_version", "must be a room version from \"1\" to \"12\"")
            }
        }
        enableMetrics = reader.flag(root, "enable_metrics") ?? enableMetrics
        enableSetDisplayname = reader.flag(root, "enable_set_displayname") ?? enableSetDisplayname
        enableSetAvatarURL = reader.flag(root, "enable_set_avatar_url") ?? enableSetAvatarURL
        requireAuthForProfileRequests =
            reader.flag(root, "require_auth_for_profile_requests") ?? requireAuthForProfileRequests
        allowPublicRoomsWithoutAuth =
            reader.flag(root, "allow_public_rooms_without_auth") ?? allowPublicRoomsWithoutAuth
        serveServerWellKnown = reader.flag(root, "serve_server_wellknown") ?? serveServerWellKnown
        if let level = reader.string(root, "log_level") {
            logLevel = level
            if !["debug", "info", "warning", "error"].contains(level) {
                reader.refuse(root["log_level"], "log_level", "must be debug, info, warning or error")
            }
        }
    }
}
