import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import FederationCommands
import HTTPFront
import MatrixIdentifiers
import Queries
import ReadModel

/// What users do with rooms that are, or may be, on other servers.
extension ClientAPI {
    /// A room that a path names, and servers that may be in it.
    struct NamedRoom {
        let room: RoomID
        let via: [ServerName]
    }

    /// The room that a path names by ID or by alias, which may be of another server.
    func namedRoom(_ call: Call) async throws -> NamedRoom {
        let text = call["roomIdOrAlias"]
        // "The servers to attempt to join the room through." `server_name` is its old name.
        var via: [ServerName] = []
        for name in call.request.query.all("via") + call.request.query.all("server_name") {
            guard let server = ServerName(name) else { throw Rejection.invalidParam("\(name) is not a server name.") }
            via.append(server)
        }
        switch text.utf8.first {
        case UInt8(ascii: "!"):
            return NamedRoom(room: try call.identifier("roomIdOrAlias", as: RoomID.self), via: via)
        case UInt8(ascii: "#"):
            let found = try await place(of: try call.identifier("roomIdOrAlias", as: RoomAlias.self))
            return NamedRoom(room: found.room, via: found.via + via)
        default: throw Rejection.invalidParam("\(text) is neither a room ID nor a room alias.")
        }
    }

    /// The room of an alias, and servers that are in it.
    func place(of alias: RoomAlias) async throws -> NamedRoom {
        if alias.serverName == environment.serverName {
            guard let known = try directoryQueries.alias(alias) else {
                throw Rejection.notFound("Room alias \(alias) not found.")
            }
            return NamedRoom(room: known.room, via: [environment.serverName])
        }
        guard let remote else { throw Self.doesNotFederate }
        let found = try await remote.lookups.room(of: alias)
        return NamedRoom(room: found.room, via: found.servers)
    }

    static let doesNotFederate = Rejection.notFound("That is on another server, and this server does not federate.")

    /// Whether other servers must be asked to change anything in a room.
    func isElsewhere(_ named: NamedRoom) throws -> Bool {
        try remote?.membership.isElsewhere(named.room, via: named.via) ?? false
    }

    /// Invites a user wherever they are.
    func invite(_ user: UserID, to room: RoomID, extra: JSONObject, _ call: Call) async throws {
        guard let remote, !user.isOn(environment.serverName) else {
            return try await rooms.invite(room: room, user: user, extra: extra, caller: call.caller)
        }
        let (version, content) = try rooms.remoteInvitation(of: user, to: room, extra: extra)
        do {
            try await remote.invitations.invite(
                user, by: try call.userID, to: room, version: version, content: content,
                requestID: call.request.requestID)
        } catch let fault as RemoteFault {
            throw Rejection(502, "M_UNKNOWN", "\(user.serverName) could not be asked: \(fault).")
        }
    }
}
