package import CanonicalJSON
import Decisions
import EventLog
import LogEvents
package import MatrixIdentifiers
import Queries
import RoomVersions

extension RoomCommands {
    /// Creates a room: all its first events, its alias and its directory entry in one commit.
    ///
    /// - Parameter body: the body of `POST /createRoom`.
    package func createRoom(_ body: JSONObject, caller: Caller) async throws -> RoomID {
        try await createRoom(body, invitingOthers: false, caller: caller).room
    }

    /// - Parameter invitingOthers: users of other servers may be invited, by whoever calls.
    /// - Returns: the room, and those who are to be invited through their servers.
    package func createRoom(
        _ body: JSONObject, invitingOthers: Bool, caller: Caller
    ) async throws -> (room: RoomID, others: [UserID]) {
        var request = try CreateRoomRequest(body: body, defaultVersion: environment.defaultRoomVersion)
        let others = request.invites.filter { $0.serverName != environment.serverName }
        if let first = others.first, !invitingOthers {
            throw Rejection.forbidden("\(first) is on another server, and this server does not federate.")
        }
        request.elsewhere = Set(others)
        for user in request.invites { try requireInvitable(user) }
        let alias = try request.aliasLocalpart.map { try newAlias(localpart: $0) }
        let profile = try memberProfile(of: caller.userID)
        let inviteeProfiles = try Dictionary(
            request.invites.map { ($0, try memberProfile(of: $0)) }, uniquingKeysWith: { first, _ in first })
        var attempt = 0
        while true {
            let plan = CreateRoomPlan(
                request: request,
                creator: caller.userID,
                profile: profile,
                inviteeProfiles: inviteeProfiles,
                alias: alias?.alias,
                nowMs: environment.nowMs() &- creationOffset(attempt: attempt)
            )
            let creation = try decideCreation(
                version: request.version, create: plan.create, drafts: plan.drafts())
            do throws(AppendFault) {
                let room = try await append(creation, alias: alias, isPublic: request.isPublic, caller: caller)
                return (room, others)
            } catch {
                guard case .conflict(let stream, _) = error else { throw error }
                if stream == alias?.stream { throw Rejection(400, "M_ROOM_IN_USE", "The alias is taken.") }
                // Where the room's ID is the hash of its create event, two rooms that one user creates alike in the same
                // millisecond would be one.
                attempt += 1
                guard attempt < 12 else { throw error }
            }
        }
    }

    /// A time shortly before now that another attempt is unlikely to have too, in milliseconds; 0 for the first one.
    private func creationOffset(attempt: Int) -> Int64 {
        guard attempt > 0 else { return 0 }
        let random = environment.randomBytes(2).reduce(0) { $0 << 8 | Int64($1) }
        return 1 + random % (8 << Int64(attempt))
    }

    private func append(
        _ creation: (roomID: RoomID, facts: [PDURecorded]), alias: NewAlias?, isPublic: Bool, caller: Caller
    ) async throws(AppendFault) -> RoomID {
        let roomID = creation.roomID
        let stream = StreamID(kind: .room, name: roomID.rawValue)
        let actor = caller.userID.rawValue
        var records = creation.facts.map { $0.record(stream: stream, actor: actor, cause: caller.requestID) }
        var expected: [(StreamID, UInt64)] = [(stream, 0)]
        if let alias {
            let fact = AliasCreated(alias: alias.alias.rawValue, roomID: roomID.rawValue, creator: actor)
            records.append(fact.record(stream: alias.stream, actor: actor, cause: caller.requestID))
            expected.append((alias.stream, alias.version))
        }
        if isPublic {
            let fact = DirectoryVisibilitySet(roomID: roomID.rawValue, isPublic: true)
            records.append(
                fact.record(stream: Self.directoryStream(of: roomID), actor: actor, cause: caller.requestID))
        }
        _ = try await environment.log.append(LogBatch(records: records, expected: expected))
        return roomID
    }

    /// Decides the first events of a room.
    ///
    /// - Parameter roomID: the room's ID where the version lets the server choose it; made up when nil.
    func decideCreation(
        version: RoomVersion, roomID chosen: RoomID? = nil, create: EventDraft, drafts: [EventDraft]
    ) throws -> (roomID: RoomID, facts: [PDURecorded]) {
        // Until its create event is signed, a room of version 12 has no id: this one is never seen.
        let provisional = try chosen ?? newRoomID()
        var head = RoomHeadState(
            version: version, roomID: provisional, streamVersion: 0, forwardExtremities: [], depth: 0, source: nil)
        let createFact = try decider.decide(create, on: &head).fact
        let roomID = try RoomID(parsing: createFact.roomID)
        if roomID != provisional { head = head.renamed(to: roomID) }
        var facts = [createFact]
        do {
            for draft in drafts { facts.append(try decider.decide(draft, on: &head).fact) }
        } catch let rejection as Rejection where rejection.errcode == "M_FORBIDDEN" {
            // What the body asked for contradicts itself (say, an override that takes the creator's own power away).
            throw Rejection(400, "M_INVALID_ROOM_STATE", rejection.message)
        }
        return (roomID, facts)
    }

    func newRoomID() throws -> RoomID {
        try RoomID(parsing: "!" + opaqueLocalpart() + ":" + environment.serverName.rawValue)
    }

    /// 18 letters, as unpredictable as the server's randomness.
    private func opaqueLocalpart() -> String {
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        let picked = environment.randomBytes(18).map { letters[Int($0) % letters.count] }
        return String(decoding: picked, as: UTF8.self)
    }

    /// `displayname` and `avatar_url` as a membership event carries them.
    func memberProfile(of user: UserID) throws -> JSONObject {
        guard user.serverName == environment.serverName, let profile = try accounts.profile(user) else { return [:] }
        var content = JSONObject()
        for name in ["displayname", "avatar_url"] {
            if let value = profile[name], value.stringValue != nil { content[name] = value }
        }
        return content
    }
}
