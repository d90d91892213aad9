import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import MatrixIdentifiers
import Queries
import RoomVersions

/// `/createRoom`, `/upgrade` and `/joined_rooms`.
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
            let (room, others) = try await rooms.createRoom(
                try body.eventContent, invitingOthers: remote != nil, caller: call.caller)
            let extra: JSONObject = body.object["is_direct"].map { ["is_direct": $0] } ?? [:]
            for user in others {
                // The room is there: that somebody elsewhere cannot be reached does not undo it.
                do { try await invite(user, to: room, extra: extra, call) } catch is Rejection { continue }
            }
            if let identity = call.knownIdentity { ephemeral.presence.joined(identity.userNum) }
            var answer: JSONObject = ["room_id": .string(room.rawValue)]
            if let name = body.object["room_alias_name"]?.stringValue {
                answer["room_alias"] = .string("#\(name):\(environment.serverName)")
            }
            return .json(.object(answer))
        }
        table.perform(.post, "/rooms/{roomId}/upgrade", .user.notSuspended) { try await upgrade($0) }
        table.read("/joined_rooms", .guest) { call in
            .json(try roomQueries.joinedRoomsBody(try call.userID))
        }
    }

    private func upgrade(_ call: Call) async throws -> HTTPResponse {
        let body = try call.body()
        let wanted = try body.string("new_version")
        guard let version = RoomVersion.named(wanted), RoomVersion.supported.contains(version) else {
            throw Rejection(
                400, "M_UNSUPPORTED_ROOM_VERSION", "This server does not support room version \(wanted.prefix(32)).")
        }
        let names = body.value("additional_creators") == nil ? [] : try body.strings("additional_creators")
        let creators = try names.map { name in
            guard let user = UserID(name) else {
                throw Rejection.invalidParam("additional_creators: \(name.prefix(255)) is not a user ID.")
            }
            return user
        }
        try gate.pass(.roomCreation, try call.userID.rawValue)
        let room = try await rooms.upgrade(
            room: call.room, to: version, additionalCreators: creators, caller: call.caller)
        return .json(["replacement_room": .string(room.rawValue)])
    }
}
