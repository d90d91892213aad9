import Yams

extension ServerConfiguration {
    /// Presence, and the TURN server for calls.
    mutating func readCalls(_ root: Node.Mapping, _ reader: inout YAMLReader) {
        presenceEnabled = reader.flag(root, "use_presence") ?? presenceEnabled
        if let presence = reader.mapping(root, "presence") {
            // Synapse's third value keeps presence for modules, of which there are none here.
            if presence["enabled"]?.string == "untracked" {
                presenceEnabled = false
            } else {
                presenceEnabled = reader.flag(presence, "enabled", in: "presence.") ?? presenceEnabled
            }
            reader.warnUnknown(
                presence, known: ["enabled", "include_offline_users_on_sync"], in: "presence.")
        }
        turnURIs = reader.strings(root, "turn_uris") ?? []
        turnSharedSecret = reader.secret(root, "turn_shared_secret")
        turnUsername = reader.string(root, "turn_username")
        turnPassword = reader.secret(root, "turn_password")
        turnUserLifetimeMs = reader.duration(root, "turn_user_lifetime") ?? turnUserLifetimeMs
        turnAllowGuests = reader.flag(root, "turn_allow_guests") ?? turnAllowGuests
        if !turnURIs.isEmpty, turnSharedSecret == nil, turnUsername == nil || turnPassword == nil {
            reader.refuse(
                root["turn_uris"], "turn_uris",
                "needs credentials: set turn_shared_secret to the static-auth-secret of the TURN server")
        }
    }
}
