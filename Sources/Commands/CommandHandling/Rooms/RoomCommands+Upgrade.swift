import CanonicalJSON
import Decisions
import EventLog
import LogEvents
import MatrixEvents
package import MatrixIdentifiers
import Queries
import ReadModel
package import RoomVersions

extension RoomCommands {
    /// What an upgrade carries over, read before it is decided.
    private struct OldRoom {
        let version: RoomVersion
        let create: JSONObject
        let state: [(StateEntry, JSONObject)]
        let bans: [(UserID, reason: String?)]
        let aliases: [RoomAlias]
        let isPublished: Bool
    }

    /// Replaces a room by a new one of another version: the new room, the tombstone and the moved aliases are one commit.
    ///
    /// - Returns: the new room's ID.
    package func upgrade(
        room: RoomID, to version: RoomVersion, additionalCreators: [UserID], caller: Caller
    ) async throws -> RoomID {
        let old = try oldRoom(room, caller: caller)
        let plan = RoomUpgradePlan(
            version: version, creator: caller.userID, additionalCreators: additionalCreators, oldRoom: room,
            oldVersion: old.version, profile: try memberProfile(of: caller.userID), nowMs: environment.nowMs())
        let moved = try movedNames(of: old, from: room, caller: caller)
        let tombstone = try await inLane(room, caller: caller) { head in
            let (tombstone, created) = try decideUpgrade(plan, of: old, on: &head)
            var facts = [tombstone]
            if let levels = try head.held("m.room.power_levels", "")?.pdu.content,
                let restricted = plan.restricted(oldPowerLevels: levels),
                // "If possible": who may end a room may not always change its power levels.
                let fact = try? decider.decide(restricted, on: &head).fact
            {
                facts.append(fact)
            }
            if !moved.expected.isEmpty, try head.held("m.room.canonical_alias", "") != nil,
                let fact = try? decider.decide(plan.aliasFree, on: &head).fact
            {
                facts.append(fact)
            }
            let stream = StreamID(kind: .room, name: created.roomID.rawValue)
            let cause = caller.requestID
            var others = created.facts.map {
                $0.record(stream: stream, actor: caller.userID.rawValue, cause: cause)
            }
            others += moved.records(created.roomID)
            return RoomLane.Outcome(
                facts: facts, others: others, otherExpectations: moved.expected + [(stream, 0)],
                eventID: try EventID(parsing: tombstone.eventID))
        }
        guard let replacement = try rooms.event(tombstone)?.content()["replacement_room"]?.stringValue else {
            throw Rejection.unknown("The room was upgraded, but its tombstone cannot be read.")
        }
        let newRoom = try RoomID(parsing: replacement)
        try await carrySettings(of: caller.userID, from: room, to: newRoom, caller: caller)
        return newRoom
    }

    /// The tombstone and the new room. In version 12 the new room comes first, since its create event makes the ID that the
    /// tombstone names; before, the tombstone does, since the create event names it.
    private func decideUpgrade(
        _ plan: RoomUpgradePlan, of old: OldRoom, on head: inout RoomHeadState
    ) throws -> (tombstone: PDURecorded, created: (roomID: RoomID, facts: [PDURecorded])) {
        let levels = try head.held("m.room.power_levels", "")?.pdu.content
        let drafts = plan.drafts(transferred: old.state, powerLevels: levels, bans: old.bans)
        // Whoever may not end the room learns that first, and not what might be wrong with the new one.
        var trial = head
        let chosen = try newRoomID()
        let tombstone = try decider.decide(plan.tombstone(newRoom: chosen), on: &trial)
        if plan.version.roomIDIsCreateHash {
            let created = try decideCreation(
                version: plan.version, create: plan.create(oldCreate: old.create, tombstone: nil), drafts: drafts)
            return (try decider.decide(plan.tombstone(newRoom: created.roomID), on: &head).fact, created)
        }
        head = trial
        let created = try decideCreation(
            version: plan.version, roomID: chosen,
            create: plan.create(oldCreate: old.create, tombstone: tombstone.held.eventID), drafts: drafts)
        return (tombstone.fact, created)
    }

    private func oldRoom(_ room: RoomID, caller: Caller) throws -> OldRoom {
        guard let head = try rooms.head(room), let version = RoomVersion.named(head.roomVersion) else {
            throw Rejection.notFound("This server knows no such room.")
        }
        guard try rooms.membership(room, caller.userID)?.membership == .join else {
            throw Rejection.forbidden("You are not in this room.")
        }
        var create = JSONObject()
        var entries: [StateEntry: JSONObject] = [:]
        var bans: [(UserID, reason: String?)] = []
        let state = try rooms.fullState(room)
        for stored in state {
            guard let stateKey = stored.stateKey else { continue }
            let content = try stored.content()
            switch stored.type {
            case "m.room.create": create = content
            case "m.room.member":
                guard content["membership"] == "ban", let user = UserID(stateKey) else { continue }
                bans.append((user, content["reason"]?.stringValue))
            default: entries[StateEntry(stored.type, stateKey)] = content
            }
        }
        var carried = RoomUpgradePlan.transferred.compactMap { type in
            entries[StateEntry(type, "")].map { (StateEntry(type, ""), $0) }
        }
        if create["type"] == "m.space" {
            // A space is what its children make it. A child without `via` is one that was taken out.
            carried += entries.filter { $0.key.type == "m.space.child" && $0.value["via"] != nil }
                .sorted { $0.key.stateKey < $1.key.stateKey }.map { ($0.key, $0.value) }
        }
        let directory = DirectoryQueries(views: environment.views)
        let aliases = try directory.aliases(of: room)
        // The aliases move, so what names them does too.
        let canonical = StateEntry("m.room.canonical_alias", "")
        if !aliases.isEmpty, let content = entries[canonical] { carried.append((canonical, content)) }
        return OldRoom(
            version: version, create: create, state: carried, bans: bans, aliases: aliases,
            isPublished: try directory.isPublished(room))
    }

    // MARK: Names

    private struct MovedNames: Sendable {
        let expected: [(StreamID, UInt64)]
        let records: @Sendable (RoomID) -> [NewRecord]
    }

    /// "Moves any local aliases to the new room"; the place in the directory goes with them.
    private func movedNames(of old: OldRoom, from room: RoomID, caller: Caller) throws -> MovedNames {
        let aliases = old.aliases.filter { $0.serverName == environment.serverName }
        let directory = DirectoryQueries(views: environment.views)
        var expected: [(StreamID, UInt64)] = []
        var creators: [String] = []
        for alias in aliases {
            let stream = StreamID(kind: .server, name: "alias/" + alias.rawValue)
            expected.append((stream, try environment.log.streamVersion(of: stream)))
            creators.append(try directory.alias(alias)?.creator ?? caller.userID.rawValue)
        }
        let (actor, cause) = (caller.userID.rawValue, caller.requestID)
        let isPublished = old.isPublished
        let streams = expected.map(\.0)
        return MovedNames(expected: expected) { [creators] newRoom in
            var records: [NewRecord] = []
            for (index, alias) in aliases.enumerated() {
                let removed = AliasRemoved(alias: alias.rawValue)
                let created = AliasCreated(
                    alias: alias.rawValue, roomID: newRoom.rawValue, creator: creators[index])
                records.append(removed.record(stream: streams[index], actor: actor, cause: cause))
                records.append(created.record(stream: streams[index], actor: actor, cause: cause))
            }
            guard isPublished else { return records }
            for (place, isPublic) in [(room, false), (newRoom, true)] {
                let fact = DirectoryVisibilitySet(roomID: place.rawValue, isPublic: isPublic)
                records.append(fact.record(stream: Self.directoryStream(of: place), actor: actor, cause: cause))
            }
            return records
        }
    }

    // MARK: Personal settings

    /// "When a user joins the new room, the server should automatically transfer/replicate some of the user's personalized
    /// settings such as notifications, tags, etc."
    func carrySettings(of user: UserID, from old: RoomID, to new: RoomID, caller: Caller) async throws {
        var facts: [AccountDataSet] = []
        if let tags = try accountData(of: user, room: old, type: "m.tag"),
            try accounts.accountData(user, room: new, type: "m.tag") == nil
        {
            facts.append(
                AccountDataSet(
                    userID: user.rawValue, roomID: new.rawValue, type: "m.tag", content: .object(tags)))
        }
        if var direct = try accountData(of: user, room: nil, type: "m.direct") {
            var isChanged = false
            for (other, value) in direct {
                guard var list = value.arrayValue, list.contains(.string(old.rawValue)),
                    !list.contains(.string(new.rawValue))
                else { continue }
                list.append(.string(new.rawValue))
                direct[other] = .array(list)
                isChanged = true
            }
            if isChanged {
                facts.append(AccountDataSet(userID: user.rawValue, type: "m.direct", content: .object(direct)))
            }
        }
        guard !facts.isEmpty else { return }
        let stream = StreamID(kind: .user, name: user.rawValue)
        let records = facts.map { $0.record(stream: stream, actor: user.rawValue, cause: caller.requestID) }
        _ = try await environment.log.append(LogBatch(records: records, expected: []))
    }

    /// Carries the settings over when the room that was joined replaces one that the user was in.
    package func carrySettings(ofJoining user: UserID, to room: RoomID, caller: Caller) async throws {
        guard let create = try rooms.currentState(room, type: "m.room.create", stateKey: "")?.content(),
            let text = create["predecessor"]?["room_id"]?.stringValue, let old = RoomID(text),
            try rooms.membership(old, user) != nil
        else { return }
        try await carrySettings(of: user, from: old, to: room, caller: caller)
    }

    private func accountData(of user: UserID, room: RoomID?, type: String) throws -> JSONObject? {
        guard let bytes = try accounts.accountData(user, room: room, type: type) else { return nil }
        return try? JSONObject.parse(bytes)
    }
}
