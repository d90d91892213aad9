package import CanonicalJSON
import EventLog
package import LogEvents
package import MatrixIdentifiers

/// Rooms that nobody here is in.
extension RoomCommands {
    /// The name and picture with which a user joins rooms.
    package func profileOfJoining(_ user: UserID) throws -> JSONObject { try memberProfile(of: user) }

    /// Records a membership of a room that nobody here is in; returns when that is durable and readable.
    package func setOutsideMembership(_ fact: OutsideMembershipSet, actor: String, cause: String) async throws {
        let record = fact.record(
            stream: StreamID(kind: .user, name: fact.userID), actor: actor, cause: cause)
        _ = try await environment.log.append(LogBatch(records: [record]))
    }
}
