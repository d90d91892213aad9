import CanonicalJSON
import CommandHandling
import HTTPFront
import Queries
import RoomVersions

/// `/versions`, `/.well-known`, `/capabilities`, and what a server without bridges and calls answers.
extension ClientAPI {
    /// The versions of the specification whose endpoints a client may expect here.
    private static let specificationVersions = [
        "r0.0.1", "r0.1.0", "r0.2.0", "r0.3.0", "r0.4.0", "r0.5.0", "r0.6.0", "r0.6.1", "v1.1", "v1.2", "v1.3", "v1.4",
        "v1.5", "v1.6", "v1.7", "v1.8", "v1.9", "v1.10", "v1.11", "v1.12", "v1.13", "v1.14", "v1.15", "v1.16",
        "v1.17", "v1.18", "v1.19",
    ]

    func addDiscovery(to table: inout EndpointTable) {
        let versions: JSONObject = [
            "versions": .array(Self.specificationVersions.map(JSONValue.string)),
            "unstable_features": .object(unstableFeatures),
        ]
        table.constant("/_matrix/client/versions", .json(.object(versions)))
        addWellKnown(to: &table)
        let capabilities = capabilities
        table.read("/capabilities", .guest) { call in
            var own = capabilities
            // "This property should be omitted altogether if `suspend` and `lock` would be `false`."
            if try call.identity.isAdmin { own["m.account_moderation"] = ["suspend": true, "lock": true] }
            return .json(["capabilities": .object(own)])
        }

        table.read("/thirdparty/protocols", .user) { _ in .emptyObject }
        for kind in ["protocol", "location", "user"] {
            table.read("/thirdparty/\(kind)/{protocol}", .user) { _ in
                throw MatrixError(status: 404, errcode: "M_NOT_FOUND", message: "There is no such bridge.")
            }
        }
        for kind in ["location", "user"] {
            table.read("/thirdparty/\(kind)", .user) { _ in .json(.array([])) }
        }

        let version: JSONObject = [
            "server_version": .string("Engram " + settings.softwareVersion), "python_version": "none",
        ]
        table.constant("/_synapse/admin/v1/server_version", .json(.object(version)))
    }

    private func addWellKnown(to table: inout EndpointTable) {
        let unknown = HTTPResponse.matrixError(404, "M_NOT_FOUND", "This server's configuration does not say.")
        let client = settings.publicBaseURL.map { url in
            HTTPResponse.json(["m.homeserver": ["base_url": .string(url)]])
        }
        table.constant("/.well-known/matrix/client", client ?? unknown)
        // This server signs nothing for the rooms of others.
        table.constant("/.well-known/matrix/policy_server", unknown)
        table.constant("/.well-known/matrix/support", settings.support.answer.map { .json(.object($0)) } ?? unknown)
    }

    /// What is there under names from before the specification had it.
    private var unstableFeatures: JSONObject {
        var features: JSONObject = [
            "org.matrix.simplified_msc3575": true, "org.matrix.msc4380": true, "org.matrix.msc4380.stable": true,
            "uk.timedout.msc4323": true,
        ]
        if delayedEventsCapability != nil { features["org.matrix.msc4140"] = true }
        return features
    }

    private var capabilities: JSONObject {
        var capabilities = specifiedCapabilities
        if let delayed = delayedEventsCapability { capabilities["org.matrix.msc4140.delayed_events"] = delayed }
        return capabilities
    }

    private var specifiedCapabilities: JSONObject {
        let available = RoomVersion.supported.map { ($0.id, JSONValue.string("stable")) }
        return [
            "m.room_versions": [
                "default": .string(environment.defaultRoomVersion.id), "available": .object(JSONObject(available)),
            ],
            "m.change_password": ["enabled": .bool(settings.passwordLoginEnabled)],
            "m.set_displayname": ["enabled": .bool(settings.displayNameChangesEnabled)],
            "m.set_avatar_url": ["enabled": .bool(settings.avatarChangesEnabled)],
            "m.3pid_changes": ["enabled": .bool(false)],
            "m.forget_forced_upon_leave": ["enabled": .bool(false)],
            "m.get_login_token": ["enabled": .bool(settings.loginTokensEnabled)],
            "m.profile_fields": .object(profileFields),
        ]
    }

    private var profileFields: JSONObject {
        let closed = closedProfileFields
        guard !closed.isEmpty else { return ["enabled": .bool(true)] }
        return ["enabled": .bool(true), "disallowed": .array(closed.map(JSONValue.string))]
    }

    /// The profile fields that the configuration keeps users from changing.
    var closedProfileFields: [String] {
        (settings.displayNameChangesEnabled ? [] : ["displayname"])
            + (settings.avatarChangesEnabled ? [] : ["avatar_url"])
    }
}
