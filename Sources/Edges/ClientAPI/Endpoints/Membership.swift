import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import FederationCommands
import HTTPFront
import MatrixIdentifiers
import Queries
import ReadModel

/// Joining, inviting, leaving, and putting others out.
extension ClientAPI {
    func addMembership(to table: inout EndpointTable) {
        table.perform(.post, "/join/{roomIdOrAlias}", .guest.notSuspended) { call in
            try await join(try await namedRoom(call), call)
        }
        table.perform(.post, "/rooms/{roomId}/join", .guest.notSuspended) { call in
            try await join(NamedRoom(room: try call.room, via: []), call)
        }
        table.perform(.post, "/knock/{roomIdOrAlias}", .user.notSuspended) { call in
            let reason = try call.optionalBody().optionalString("reason")
            let named = try await namedRoom(call)
            let room = named.room
            let user = try call.userID.rawValue
            if let remote, try isElsewhere(named) {
                try gate.pass(.joinsRemote, user)
                try await remote.membership.knock(
                    room: room, via: named.via, reason: reason, caller: call.caller)
            } else {
                try gate.pass(.joinsLocal, user)
                _ = try await rooms.knock(room: room, reason: reason, caller: call.caller)
            }
            return .json(["room_id": .string(room.rawValue)])
        }
        table.perform(.post, "/rooms/{roomId}/invite", .user.notSuspended) { try await invite($0) }
        table.perform(.post, "/rooms/{roomId}/leave", .guest) { call in
            let body = try call.optionalBody()
            let reason = try body.optionalString("reason")
            let room = try call.room
            if let remote, try remote.membership.isOutside(try call.userID, room) {
                try await remote.membership.leave(room: room, reason: reason, caller: call.caller)
            } else {
                try await rooms.leave(room: room, extra: body.object, caller: call.caller)
            }
            return .emptyObject
        }
        table.perform(.post, "/rooms/{roomId}/forget", .guest) { call in
            try await rooms.forget(room: call.room, caller: call.caller)
            return .emptyObject
        }
        addModeration(to: &table)
    }

    private func addModeration(to table: inout EndpointTable) {
        table.perform(.post, "/rooms/{roomId}/kick", .user.notSuspended) { call in
            let (user, reason) = try target(call)
            try await rooms.kick(room: call.room, user: user, reason: reason, caller: call.caller)
            return .emptyObject
        }
        table.perform(.post, "/rooms/{roomId}/ban", .user.notSuspended) { call in
            let (user, reason) = try target(call)
            try await rooms.ban(room: call.room, user: user, reason: reason, caller: call.caller)
            return .emptyObject
        }
        table.perform(.post, "/rooms/{roomId}/unban", .user.notSuspended) { call in
            let (user, reason) = try target(call)
            try await rooms.unban(room: call.room, user: user, reason: reason, caller: call.caller)
            return .emptyObject
        }
    }

    private func target(_ call: Call) throws -> (UserID, reason: String?) {
        let body = try call.body()
        return (try userID(body), try body.optionalString("reason"))
    }

    private func userID(_ body: Body) throws -> UserID {
        do {
            return try UserID(parsing: try body.string("user_id"))
        } catch let error as IdentifierError {
            throw Rejection.invalidParam("user_id: \(error.message)")
        }
    }

    private func join(_ named: NamedRoom, _ call: Call) async throws -> HTTPResponse {
        let room = named.room
        let body = try call.optionalBody()
        _ = try body.optionalString("reason")
        try Self.checkSigned(try body.optionalObject("third_party_signed"))
        let user = try call.userID
        let isElsewhere = try isElsewhere(named)
        if try roomQueries.membership(room, user)?.membership != .join {
            try gate.pass(isElsewhere ? .joinsRemote : .joinsLocal, user.rawValue)
            try gate.pass(.joinsPerRoom, room.rawValue)
        }
        let extra = try body.eventContent
        if let remote, isElsewhere {
            try await remote.membership.join(room: room, via: named.via, extra: extra, caller: call.caller)
        } else {
            _ = try await rooms.join(room: room, extra: extra, caller: call.caller)
        }
        if let identity = call.knownIdentity { ephemeral.presence.joined(identity.userNum) }
        return .json(["room_id": .string(room.rawValue)])
    }

    private func invite(_ call: Call) async throws -> HTTPResponse {
        let body = try call.body()
        if body.value("user_id") == nil, body.value("address") != nil {
            for name in ["address", "medium", "id_server", "id_access_token"] { _ = try body.string(name) }
            throw Rejection(403, "M_THREEPID_DENIED", "This server invites nobody by e-mail or telephone.")
        }
        let user = try userID(body)
        _ = try body.optionalString("reason")
        let room = try call.room
        try gate.pass(.invitesPerRoom, room.rawValue)
        try gate.pass(.invitesPerUser, user.rawValue)
        try gate.pass(.invitesPerIssuer, try call.userID.rawValue)
        try await invite(user, to: room, extra: body.object, call)
        return .emptyObject
    }

    /// "A signature of an `m.third_party_invite` token to prove that this user owns a third-party identity".
    private static func checkSigned(_ signed: JSONObject?) throws {
        guard let signed else { return }
        for name in ["mxid", "sender", "token"] { _ = try Body(signed).string(name) }
        guard let signatures = try Body(signed).optionalObject("signatures") else {
            throw Rejection.missingParam("third_party_signed.signatures is missing.")
        }
        let isRight = signatures.values.allSatisfy { keys in
            keys.objectValue?.values.allSatisfy { $0.stringValue != nil } == true
        }
        guard isRight else { throw Rejection.badJSON("signatures must be an object of objects of strings.") }
    }
}
