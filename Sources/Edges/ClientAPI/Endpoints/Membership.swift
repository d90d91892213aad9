import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import MatrixIdentifiers
import Queries
import ReadModel

/// Joining, inviting, leaving, and putting others out.
extension ClientAPI {
    func addMembership(to table: inout EndpointTable) {
        table.perform(.post, "/join/{roomIdOrAlias}", .guest.notSuspended) { call in
            try await join(try roomOfPath(call), call)
        }
        table.perform(.post, "/rooms/{roomId}/join", .guest.notSuspended) { try await join(try $0.room, $0) }
        table.perform(.post, "/knock/{roomIdOrAlias}", .user.notSuspended) { call in
            let reason = try call.optionalBody().optionalString("reason")
            let room = try roomOfPath(call)
            try gate.pass(.joinsLocal, try call.userID.rawValue)
            let joined = try await rooms.knock(room: room, reason: reason, caller: call.caller)
            return .json(["room_id": .string(joined.rawValue)])
        }
        table.perform(.post, "/rooms/{roomId}/invite", .user.notSuspended) { try await invite($0) }
        table.perform(.post, "/rooms/{roomId}/leave", .guest) { call in
            let body = try call.optionalBody()
            _ = try body.optionalString("reason")
            try await rooms.leave(room: call.room, extra: body.object, caller: call.caller)
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

    private func join(_ room: RoomID, _ call: Call) async throws -> HTTPResponse {
        let body = try call.optionalBody()
        _ = try body.optionalString("reason")
        try Self.checkSigned(try body.optionalObject("third_party_signed"))
        let user = try call.userID
        if try roomQueries.membership(room, user)?.membership != .join {
            try gate.pass(.joinsLocal, user.rawValue)
            try gate.pass(.joinsPerRoom, room.rawValue)
        }
        let joined = try await rooms.join(room: room, extra: try body.eventContent, caller: call.caller)
        if let identity = call.knownIdentity { ephemeral.presence.joined(identity.userNum) }
        return .json(["room_id": .string(joined.rawValue)])
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
        try await rooms.invite(room: room, user: user, extra: body.object, caller: call.caller)
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

    /// The room that a path names by ID or by alias.
    func roomOfPath(_ call: Call) throws -> RoomID {
        let text = call["roomIdOrAlias"]
        switch text.utf8.first {
        case UInt8(ascii: "!"): return try call.identifier("roomIdOrAlias", as: RoomID.self)
        case UInt8(ascii: "#"): return try room(of: try call.identifier("roomIdOrAlias", as: RoomAlias.self))
        default: throw Rejection.invalidParam("\(text) is neither a room ID nor a room alias.")
        }
    }

    func room(of alias: RoomAlias) throws -> RoomID {
        guard alias.serverName == environment.serverName else {
            throw Rejection.notFound("The alias is of another server; this server does not federate yet.")
        }
        guard let known = try directoryQueries.alias(alias) else {
            throw Rejection.notFound("Room alias \(alias) not found.")
        }
        return known.room
    }
}
