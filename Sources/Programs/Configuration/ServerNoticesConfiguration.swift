package import MatrixIdentifiers
import Yams

/// The section `server_notices`.
package struct ServerNoticesConfiguration: Sendable, Hashable {
    /// Who sends the notices, from `system_mxid_localpart`.
    package var userID: UserID
    package var displayName: String?
    package var avatarURL: String?
    package var roomName: String?
    package var roomAvatarURL: String?
    package var roomTopic: String?
    package var joinsAutomatically = false

    static let names: Set<String> = ["server_notices"]
}

extension ServerConfiguration {
    mutating func readServerNotices(_ root: Node.Mapping, _ reader: inout YAMLReader) {
        guard let section = reader.mapping(root, "server_notices") else { return }
        let path = "server_notices."
        reader.warnUnknown(
            section,
            known: [
                "system_mxid_localpart", "system_mxid_display_name", "system_mxid_avatar_url", "room_name",
                "room_avatar_url", "room_topic", "auto_join",
            ], in: path)
        guard let localpart = reader.string(section, "system_mxid_localpart", in: path) else {
            reader.refuse(
                root["server_notices"], path + "system_mxid_localpart",
                "is missing; write `system_mxid_localpart: notices`")
            return
        }
        guard let userID = UserID("@\(localpart):\(serverName)") else {
            reader.refuse(
                section["system_mxid_localpart"], path + "system_mxid_localpart",
                "must be the part of a user ID before the colon, without @")
            return
        }
        serverNotices = ServerNoticesConfiguration(
            userID: userID,
            displayName: reader.string(section, "system_mxid_display_name", in: path),
            avatarURL: reader.string(section, "system_mxid_avatar_url", in: path),
            roomName: reader.string(section, "room_name", in: path),
            roomAvatarURL: reader.string(section, "room_avatar_url", in: path),
            roomTopic: reader.string(section, "room_topic", in: path),
            joinsAutomatically: reader.flag(section, "auto_join", in: path) ?? false
        )
    }
}
