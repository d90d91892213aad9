import CanonicalJSON
import Decisions
import EndpointSupport
import HTTPFront
import Queries
import ReadModel

/// `/typing`.
extension ClientAPI {
    private static let defaultTypingMs: Int64 = 30_000

    func addTyping(to table: inout EndpointTable) {
        table.read(.put, "/rooms/{roomId}/typing/{userId}", .user) { call in
            let user = try call.ownUser("You may not type for other users.")
            let body = try call.body()
            guard body.value("typing") != nil else { throw Rejection.missingParam("typing is missing.") }
            let isTyping = try body.flag("typing")
            let timeout = try body.optionalInteger("timeout") ?? Self.defaultTypingMs
            let room = try call.room
            guard try roomQueries.membership(room, user)?.membership == .join,
                let number = try roomQueries.number(of: room)
            else { throw Rejection.forbidden("You are not in this room.") }
            if isTyping { noteActivity(call) }
            ephemeral.setTyping(room: number, user: user, isTyping: isTyping, timeoutMs: timeout)
            return .emptyObject
        }
    }
}
