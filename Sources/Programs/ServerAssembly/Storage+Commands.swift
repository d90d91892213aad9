import CommandHandling
import Configuration
import EventSigning
import RoomVersions

extension Storage {
    /// What commands need, for a server and for the command line without one.
    func commandEnvironment(_ configuration: ServerConfiguration, key: SigningKey) -> CommandEnvironment {
        CommandEnvironment(
            log: eventLog,
            views: views,
            serverName: configuration.serverName,
            signingKey: key,
            nowMs: WallClock.nowMs,
            randomBytes: Randomness.bytes,
            defaultRoomVersion: RoomVersion.named(configuration.defaultRoomVersion) ?? .v12
        )
    }
}
