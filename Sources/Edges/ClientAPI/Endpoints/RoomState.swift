import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import MatrixIdentifiers
import Queries

/// `/state`, `/members`, `/joined_members`.
extension ClientAPI {
    func addRoomState(to table: inout EndpointTable) {
        table.read("/rooms/{roomId}/state", .guest) { call in
            .json(try stateQueries.state(room: try call.room, by: try call.asker))
        }
        // "the trailing slash on this endpoint is optional" when the state key is empty.
        for path in ["/rooms/{roomId}/state/{eventType}", "/rooms/{roomId}/state/{eventType}/{stateKey}"] {
            table.read(path, .guest) { call in
                let body = try stateQueries.state(
                    room: try call.room,
                    type: call["eventType"],
                    stateKey: call["stateKey"],
                    asEvent: call.query("format") == "event",
                    by: try call.asker
                )
                return .json(body)
            }
            table.perform(.put, path, .guest.notSuspended) { call in
                let content = try call.body().eventContent
                if let delay = try requestedDelay(call) {
                    return try await schedule(
                        call, delayMs: delay, stateKey: call["stateKey"], content: content, transactionID: nil)
                }
                try gate.pass(.message, try call.userID.rawValue)
                let eventID = try await rooms.setState(
                    room: call.room,
                    type: call["eventType"],
                    stateKey: call["stateKey"],
                    content: content,
                    caller: call.caller
                )
                return Self.eventAnswer(eventID)
            }
        }
        table.read("/rooms/{roomId}/members", .guest) { call in
            for name in ["membership", "not_membership"] {
                if let value = call.query(name), !Self.memberships.contains(value) {
                    throw Rejection.invalidParam("\(name) must be join, invite, knock, leave or ban.")
                }
            }
            let body = try memberQueries.members(
                room: try call.room,
                at: call.query("at"),
                membership: call.query("membership"),
                notMembership: call.query("not_membership"),
                by: try call.asker
            )
            return .json(body)
        }
        table.read("/rooms/{roomId}/joined_members", .guest) { call in
            .json(try memberQueries.joinedMembers(room: try call.room, by: try call.asker))
        }
    }

    private static let memberships: Set<String> = ["join", "invite", "knock", "leave", "ban"]
}
