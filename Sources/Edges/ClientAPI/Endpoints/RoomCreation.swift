import CanonicalJSON
import CommandHandling
import Decisions
import HTTPFront
import MatrixIdentifiers
import Queries

/// `/createRoom` and `/joined_rooms`.
extension ClientAPI {
    func addRoomCreation(to table: inout EndpointTable) {
        table.perform(.post, "/createRoom", .user.notSuspended) { call in
            let body = try call.optionalBody()
            let user = try call.userID.rawValue
            try gate.pass(.roomCreation, user)
            let invitees = body.object["invite"]?.arrayValue ?? []
            for invitee in invitees.prefix(100) {
                if let invitee = invitee.stringValue { try gate.pass(.invitesPerUser, invitee) }
            }
            let room = try await rooms.createRoom(try body.eventContent, caller: call.caller)
            var answer: JSONObject = ["room_id": .string(room.rawValue)]
            if let name = body.object["room_alias_name"]?.stringValue {
                answer["room_alias"] = .string("#\(name):\(environment.serverName)")
            }
            return .json(.object(answer))
        }
        table.read("/joined_rooms", .guest) { call in
            .json(try roomQueries.joinedRoomsBody(try call.userID))
        }
    }
}
