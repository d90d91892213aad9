import CanonicalJSON
import Decisions
import EndpointSupport
import HTTPFront
import MatrixIdentifiers
import Queries

/// `/presence/{userId}/status`.
extension ClientAPI {
    private static let longestStatusMessage = 1024

    func addPresence(to table: inout EndpointTable) {
        table.read(.put, "/presence/{userId}/status", .user) { call in
            let user = try call.ownUser("You may not set the presence of other users.")
            let body = try call.body()
            guard let availability = PresenceState.Availability(rawValue: try body.string("presence")) else {
                throw Rejection.invalidParam("presence must be online, unavailable or offline.")
            }
            let message = try body.optionalString("status_msg")
            guard (message?.utf8.count ?? 0) <= Self.longestStatusMessage else {
                throw Rejection.invalidParam("status_msg is too long.")
            }
            if let number = try accountQueries.number(of: user) {
                ephemeral.presence.set(number, availability, statusMessage: message)
            }
            return .emptyObject
        }
        table.read("/presence/{userId}/status", .user) { call in
            let user = try call.identifier("userId", as: UserID.self)
            let own = try call.userID
            // "403: You are not allowed to see this user's presence status."
            guard try user == own || roomQueries.shareRoom(own, user) else {
                throw Rejection.forbidden("You are not allowed to see this user's presence.")
            }
            guard let number = try accountQueries.number(of: user) else {
                throw Rejection.notFound("There is no presence for this user.")
            }
            let entry = ephemeral.presence.presence(of: number)
            var answer: JSONObject = [
                "presence": .string(entry.availability.rawValue), "currently_active": .bool(entry.isActive),
            ]
            if let ago = ephemeral.presence.lastActiveAgo(entry) { answer["last_active_ago"] = .integer(ago) }
            if let message = entry.statusMessage { answer["status_msg"] = .string(message) }
            return .json(.object(answer))
        }
    }

    /// Notes that a user did something that others would call being there.
    func noteActivity(_ call: Call) {
        guard let identity = call.knownIdentity else { return }
        ephemeral.presence.acted(identity.userNum)
    }
}
