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
        let request = try CreateRoomRequest(body: body, defaultVersion: environment.defaultRoomVersion)
        for user in request.invites where user.serverName != environment.serverName {
            throw Rejection.forbidden("\(user) is on another server; this server does not federate yet.")
        }
        let alias = try request.aliasLocalpart.map { try newAlias(localpart: $0) }
        let plan = CreateRoomPlan(
            request: request,
            creator: caller.userID,
            profile: try memberProfile(of: caller.userID),
            inviteeProfiles: try Dictionary(
                request.invites.map { ($0, try memberProfile(of: $0)) }, uniquingKeysWith: { first, _ in first }),
            alias: alias?.alias,
            nowMs: environment.nowMs()
        )
        let (roomID, facts) = try decideCreation(plan)
        let stream = StreamID(kind: .room, name: roomID.rawValue)
        let actor = caller.userID.rawValue
        var records = facts.map { $0.record(stream: stream, actor: actor, cause: caller.requestID) }
        var expected: [(StreamID, UInt64)] = [(stream, 0)]
        if let alias {
            let fact = AliasCreated(alias: alias.alias.rawValue, roomID: roomID.rawValue, creator: actor)
            records.append(fact.record(stream: alias.stream, actor: actor, cause: caller.requestID))
            expected.append((alias.stream, alias.version))
        }
        if request.isPublic {
            let fact = DirectoryVisibilitySet(roomID: roomID.rawValue, isPublic: true)
            records.append(
                fact.record(stream: Self.directoryStream(of: roomID), actor: actor, cause: caller.requestID))
        }
        do {
            _ = try await environment.log.append(LogBatch(records: records, expected: expected))
        } catch {
            guard error.isConflict else { throw error }
            throw Rejection(400, "M_ROOM_IN_USE", "The alias is taken.")
        }
        return roomID
    }

    private func decideCreation(_ plan: CreateRoomPlan) throws -> (RoomID, [PDURecorded]) {
        let version = plan.request.version
        // Until its create event is signed, a room of version 12 has no id: this one is never seen.
        let provisional = try RoomID(parsing: "!" + opaqueLocalpart() + ":" + environment.serverName.rawValue)
        var head = RoomHeadState(
            version: version, roomID: provisional, streamVersion: 0, forwardExtremities: [], depth: 0, source: nil)
        let (create, createFact) = try decider.decide(plan.create, on: &head)
        let roomID = try RoomID(parsing: createFact.roomID)
        if roomID != provisional { head = head.renamed(to: roomID) }
        var facts = [createFact]
        do {
            for draft in plan.drafts() { facts.append(try decider.decide(draft, on: &head).fact) }
        } catch let rejection as Rejection where rejection.errcode == "M_FORBIDDEN" {
            // What the body asked for contradicts itself (say, an override that takes the creator's own power away).
            throw Rejection(400, "M_INVALID_ROOM_STATE", rejection.message)
        }
        _ = create
        return (roomID, facts)
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
