package import CanonicalJSON
package import CommandHandling
import Decisions
import EventSigning
import InboundPDU
import LogEvents
import MatrixEvents
package import MatrixIdentifiers
package import Queries
import ReadModel
import RoomVersions

/// Lets users of this server join, knock on and leave rooms through servers that are in them.
package struct RemoteMembership: Sendable {
    let environment: CommandEnvironment
    let rooms: RoomCommands
    let remote: RemoteRooms
    let preparation: PDUPreparation
    private let census: ServerCensus
    private let queries: RoomQueries
    private let outside: OutsideQueries

    /// So many servers are tried, one after the other.
    private static let mostServers = 8

    package init(
        environment: CommandEnvironment, rooms: RoomCommands, remotes: any RemoteServers,
        signatures: any EventSignatures, census: ServerCensus
    ) {
        self.environment = environment
        self.rooms = rooms
        self.census = census
        remote = RemoteRooms(remotes: remotes)
        preparation = PDUPreparation(signatures: signatures)
        queries = RoomQueries(views: environment.views)
        outside = OutsideQueries(views: environment.views)
    }

    /// Whether the room's life goes on without this server, so that others must be asked to change anything in it.
    ///
    /// - Parameter via: servers that may be in it, as a client says.
    package func isElsewhere(_ room: RoomID, via: [ServerName]) throws -> Bool {
        if try census.isJoined(environment.serverName, to: room) { return false }
        guard try queries.head(room) != nil else { return true }
        // A room that everybody has left is here as much as anywhere, unless somebody says otherwise.
        if try !census.joinedServers(of: room).isEmpty { return true }
        let own = environment.serverName
        return via.contains { $0 != own } || (room.serverName.map { $0 != own } ?? false)
    }

    /// Whether what the user is to the room is known from elsewhere only: an invitation or a knock.
    package func isOutside(_ user: UserID, _ room: RoomID) throws -> Bool {
        guard let (membership, _) = try outside.membership(of: user, in: room) else { return false }
        return membership == .invite || membership == .knock
    }

    // MARK: Joining

    /// Joins a room through one of the servers that are in it, and takes over its state.
    ///
    /// - Parameters:
    ///   - via: servers that may be in the room, the most promising first.
    ///   - extra: the body: `reason` and what else goes into the event.
    /// - Returns: when the room is durable and readable here.
    /// - Throws: `Rejection`; `AppendFault`.
    package func join(room: RoomID, via: [ServerName], extra: JSONObject, caller: Caller) async throws {
        var content = try rooms.profileOfJoining(caller.userID)
        for (name, value) in extra where !value.isNull && !Self.reserved.contains(name) { content[name] = value }
        if let signed = extra["third_party_signed"]?.objectValue {
            content["third_party_invite"] = ["signed": .object(signed)]
        }
        content["membership"] = "join"
        let wanted = content
        try await throughOne(of: via, room: room, user: caller.userID) { server in
            try await join(room, through: server, content: wanted, caller: caller)
        }
    }

    /// Members of a join that only servers set.
    private static let reserved: Set<String> = [
        "membership", "third_party_signed", "third_party_invite", "join_authorised_via_users_server",
    ]

    private func join(
        _ room: RoomID, through server: ServerName, content: JSONObject, caller: Caller
    ) async throws {
        let user = caller.userID
        let template = try await remote.template(.join, of: user, in: room, from: server)
        let version = template.version
        var content = content
        // Who lets the user into a restricted room, only a server that is in it can say.
        let voucher = template.event["content"]?["join_authorised_via_users_server"]
        if version.restrictedJoin, let voucher { content["join_authorised_via_users_server"] = voucher }
        let drafted = try MembershipTemplate(
            template: template, room: room, user: user, environment: environment
        ).completed(content)
        let answer = try await remote.sendJoin(drafted.pdu.object, drafted.eventID, in: room, to: server)
        let join = try await recordable(drafted, signedByResident: answer.event, room: room, version: version)
        let state = try await preparation.prepare(answer.state, room: room, version: version)
        let authChain = try await preparation.prepare(answer.authChain, room: room, version: version)
        do {
            try await rooms.adopt(
                RoomAdoption(
                    join: join, state: state.compactMap { try? $0.get() },
                    authChain: authChain.compactMap { try? $0.get() }),
                room: room, version: version, from: server, requestID: caller.requestID)
        } catch AdoptionFault.alreadyKnown {
            // It came through another server meanwhile.
        } catch let fault as AdoptionFault {
            throw RemoteFault.malformed("its answer makes no room: \(fault)")
        }
        try await rooms.carrySettings(ofJoining: user, to: room, caller: caller)
    }

    /// The join with the resident server's signature, where that is part of what makes it valid.
    private func recordable(
        _ drafted: HeldPDU, signedByResident object: JSONObject?, room: RoomID, version: RoomVersion
    ) async throws -> ReceivedPDU {
        do {
            if let object, drafted.pdu.content["join_authorised_via_users_server"] != nil {
                let signed = try await preparation.prepare(object, room: room, version: version)
                guard signed.eventID == drafted.eventID, signed.isSignedByAuthoriser else {
                    throw RemoteFault.malformed("it did not sign the join that it vouched for")
                }
                return signed
            }
            return try await preparation.prepare(drafted.pdu.object, room: room, version: version)
        } catch let dropped as DroppedPDU {
            throw RemoteFault.malformed("the join is not valid: \(dropped.reason)")
        }
    }

    // MARK: Knocking

    /// Asks to be let into a room that nobody here is in.
    package func knock(room: RoomID, via: [ServerName], reason: String?, caller: Caller) async throws {
        var content = try rooms.profileOfJoining(caller.userID)
        content["membership"] = "knock"
        if let reason { content["reason"] = .string(reason) }
        let wanted = content
        let user = caller.userID
        try await throughOne(of: via, room: room, user: user) { server in
            let template = try await remote.template(.knock, of: user, in: room, from: server)
            let event = try MembershipTemplate(
                template: template, room: room, user: user, environment: environment
            ).completed(wanted)
            let state = try await remote.sendKnock(event.pdu.object, event.eventID, in: room, to: server)
            try await note(
                event, template.version, in: room, of: user,
                state: RemoteUnsigned.strippedState(.array(state)).compactMap(\.objectValue), from: server,
                cause: caller.requestID)
        }
    }

    // MARK: Leaving

    /// Turns an invitation down, or takes a knock back, of a room that nobody here is in. When no server of the room can be
    /// told, the user is rid of it all the same.
    package func leave(room: RoomID, reason: String?, caller: Caller) async throws {
        let user = caller.userID
        guard let (_, row) = try outside.membership(of: user, in: room) else {
            throw Rejection.forbidden("You are not in this room.")
        }
        var content: JSONObject = ["membership": "leave"]
        if let reason { content["reason"] = .string(reason) }
        let wanted = content
        do {
            try await throughOne(of: [], room: room, user: user) { server in
                let template = try await remote.template(.leave, of: user, in: room, from: server)
                let event = try MembershipTemplate(
                    template: template, room: room, user: user, environment: environment
                ).completed(wanted)
                try await remote.sendLeave(event.pdu.object, event.eventID, in: room, to: server)
                try await note(
                    event, template.version, in: room, of: user, state: [], from: server, cause: caller.requestID)
            }
        } catch is Rejection {
            guard let version = RoomVersion.named(row.roomVersion) else { throw Rejection.unknown("Unknown version.") }
            let template = RemoteRooms.Template(
                event: [
                    "auth_events": [], "prev_events": [], "depth": 1, "type": "m.room.member",
                    "state_key": .string(user.rawValue), "sender": .string(user.rawValue),
                    "room_id": .string(room.rawValue), "content": .object(wanted),
                ], version: version)
            let event = try MembershipTemplate(
                template: template, room: room, user: user, environment: environment
            ).completed(wanted)
            try await note(
                event, version, in: room, of: user, state: [], from: environment.serverName, cause: caller.requestID)
        }
    }

    private func note(
        _ event: HeldPDU, _ version: RoomVersion, in room: RoomID, of user: UserID, state: [JSONObject],
        from server: ServerName, cause: String
    ) async throws {
        let fact = OutsideMembershipSet(
            userID: user.rawValue, roomID: room.rawValue, roomVersion: version.id, eventID: event.eventID.rawValue,
            event: event.pdu.object, roomState: state, origin: server.rawValue)
        try await rooms.setOutsideMembership(fact, actor: user.rawValue, cause: cause)
    }

    // MARK: Servers

    /// The servers to try for a room: those that the client names, then those of whoever invited, then those of members from
    /// an earlier stay, then that of the room's name.
    private func candidates(_ via: [ServerName], room: RoomID, user: UserID) throws -> [ServerName] {
        var found = via
        if let (_, row) = try outside.membership(of: user, in: room) {
            if let origin = ServerName(row.origin) { found.append(origin) }
        }
        found += try census.joinedServers(of: room)
        // The IDs of rooms before version 12 say on which server they were made.
        if let domain = room.serverName { found.append(domain) }
        var seen: Set<ServerName> = [environment.serverName]
        return Array(found.filter { seen.insert($0).inserted }.prefix(Self.mostServers))
    }

    /// Tries one server after the other until one does what is wanted.
    private func throughOne(
        of via: [ServerName], room: RoomID, user: UserID, _ body: (ServerName) async throws -> Void
    ) async throws {
        let servers = try candidates(via, room: room, user: user)
        guard !servers.isEmpty else {
            throw Rejection.notFound("No server is known that is in this room; name one with `via`.")
        }
        var refusal: Rejection?
        var fault: RemoteFault?
        for server in servers {
            do {
                return try await body(server)
            } catch RemoteFault.refused(let status, let errcode, let message) where (400..<500).contains(status) {
                // The first that knows the room knows best.
                let told = Rejection(status == 404 ? 404 : 403, errcode, "\(server): \(message)")
                if refusal == nil || (refusal?.status == 404 && status != 404) { refusal = told }
            } catch let error as RemoteFault {
                fault = error
            }
        }
        if let refusal { throw refusal }
        let reason = fault.map { "\($0)" } ?? "no answer"
        throw Rejection(502, "M_UNKNOWN", "No server of the room could help: \(reason).")
    }
}
