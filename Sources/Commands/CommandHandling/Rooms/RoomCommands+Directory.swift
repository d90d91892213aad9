import CanonicalJSON
import Decisions
import EventLog
import LogEvents
package import MatrixIdentifiers
import Queries
import ReadModel

extension RoomCommands {
    /// A free local alias with the stream that its creation is checked against.
    struct NewAlias {
        let alias: RoomAlias
        let stream: StreamID
        let version: UInt64
    }

    static func directoryStream(of room: RoomID) -> StreamID {
        StreamID(kind: .server, name: "directory/" + room.rawValue)
    }

    func newAlias(localpart: String) throws -> NewAlias {
        guard !localpart.isEmpty, !localpart.utf8.contains(UInt8(ascii: ":")),
            let alias = RoomAlias("#" + localpart + ":" + environment.serverName.rawValue)
        else { throw Rejection.invalidParam("The alias has characters that are not allowed, or is too long.") }
        return try newAlias(alias, takenAs: Rejection(400, "M_ROOM_IN_USE", "The alias \(alias) is taken."))
    }

    private func newAlias(_ alias: RoomAlias, takenAs rejection: Rejection) throws -> NewAlias {
        let stream = StreamID(kind: .server, name: "alias/" + alias.rawValue)
        let version = try environment.log.streamVersion(of: stream)
        // The stream of an alias has a creation and a removal by turns, each at an expected version: an odd version means that
        // it exists, also when the projections do not show it yet.
        guard version.isMultiple(of: 2), try DirectoryQueries(views: environment.views).alias(alias) == nil else {
            throw rejection
        }
        return NewAlias(alias: alias, stream: stream, version: version)
    }

    /// Makes a local alias for a room.
    package func createAlias(_ alias: RoomAlias, room: RoomID, caller: Caller) async throws {
        guard alias.serverName == environment.serverName else {
            throw Rejection.invalidParam("Aliases of \(alias.serverName) cannot be made here.")
        }
        let taken = Rejection(409, "M_UNKNOWN", "The alias \(alias) exists already.")
        guard try rooms.head(room) != nil else { throw Rejection.notFound("This server knows no such room.") }
        let new = try newAlias(alias, takenAs: taken)
        let fact = AliasCreated(alias: alias.rawValue, roomID: room.rawValue, creator: caller.userID.rawValue)
        let record = fact.record(stream: new.stream, actor: caller.userID.rawValue, cause: caller.requestID)
        do {
            _ = try await environment.log.append(LogBatch(records: [record], expected: [(new.stream, new.version)]))
        } catch {
            throw error.isConflict ? taken : error
        }
    }

    /// Removes a local alias: its creator may, an administrator, and whoever may change the room's canonical alias.
    package func removeAlias(_ alias: RoomAlias, caller: Caller) async throws {
        let directory = DirectoryQueries(views: environment.views)
        guard let (room, creator) = try directory.alias(alias) else {
            throw Rejection.notFound("There is no alias \(alias).")
        }
        let isCreator = creator == caller.userID.rawValue
        let mayChange = try await inRoomMayRemove(room, caller: caller)
        guard isCreator || caller.isAdmin || mayChange else {
            throw Rejection.forbidden("You did not make this alias, and may not change the room's aliases.")
        }
        let stream = StreamID(kind: .server, name: "alias/" + alias.rawValue)
        let fact = AliasRemoved(alias: alias.rawValue)
        let record = fact.record(stream: stream, actor: caller.userID.rawValue, cause: caller.requestID)
        let version = try environment.log.streamVersion(of: stream)
        let gone = Rejection.notFound("There is no alias \(alias).")
        guard !version.isMultiple(of: 2) else { throw gone }
        do {
            _ = try await environment.log.append(LogBatch(records: [record], expected: [(stream, version)]))
        } catch {
            throw error.isConflict ? gone : error
        }
        if mayChange { try await dropCanonicalAlias(alias, of: room, caller: caller) }
    }

    private func inRoomMayRemove(_ room: RoomID, caller: Caller) async throws -> Bool {
        guard try rooms.membership(room, caller.userID)?.membership == .join else { return false }
        return try powerLevels(of: room).mayCaller(caller.userID, sendState: "m.room.canonical_alias")
    }

    /// "Servers may choose to update the alt_aliases and alias properties of the m.room.canonical_alias state event
    /// when an alias is removed." (DELETE /directory/room)
    private func dropCanonicalAlias(_ alias: RoomAlias, of room: RoomID, caller: Caller) async throws {
        guard let stored = try rooms.currentState(room, type: "m.room.canonical_alias", stateKey: "") else { return }
        var content = try stored.content()
        let before = content
        if content["alias"] == .string(alias.rawValue) { content.removeValue(forKey: "alias") }
        if let others = content["alt_aliases"]?.arrayValue {
            content["alt_aliases"] = .array(others.filter { $0 != .string(alias.rawValue) })
        }
        guard content != before else { return }
        do {
            _ = try await setState(
                room: room, type: "m.room.canonical_alias", stateKey: "", content: content, caller: caller)
        } catch is Rejection {
            // The alias is gone all the same; the room keeps a canonical alias that points nowhere.
            return
        }
    }

    /// Lists a room in the public directory, or takes it out.
    package func setDirectoryVisibility(room: RoomID, isPublic: Bool, caller: Caller) async throws {
        guard try rooms.head(room) != nil else { throw Rejection.notFound("This server knows no such room.") }
        if !caller.isAdmin {
            guard try rooms.membership(room, caller.userID)?.membership == .join,
                try powerLevels(of: room).mayCaller(caller.userID, sendState: "m.room.canonical_alias")
            else { throw Rejection.forbidden("You may not change the room's directory entry.") }
        }
        let fact = DirectoryVisibilitySet(roomID: room.rawValue, isPublic: isPublic)
        let record = fact.record(
            stream: Self.directoryStream(of: room), actor: caller.userID.rawValue, cause: caller.requestID)
        _ = try await environment.log.append(LogBatch(records: [record], expected: []))
    }

    /// "M_BAD_ALIAS: The room alias does not point to the room." (m.room.canonical_alias through /state)
    func checkAliases(_ content: JSONObject, of room: RoomID) throws {
        var aliases: [JSONValue] = []
        if let alias = content["alias"], !alias.isNull { aliases.append(alias) }
        if let others = content["alt_aliases"], !others.isNull {
            guard let list = others.arrayValue else { throw Rejection.badJSON("alt_aliases must be a list.") }
            aliases.append(contentsOf: list)
        }
        let current = try rooms.currentState(room, type: "m.room.canonical_alias", stateKey: "")?.content() ?? [:]
        let known = (current["alt_aliases"]?.arrayValue ?? []) + [current["alias"] ?? .null]
        for value in aliases where !known.contains(value) {
            guard let text = value.stringValue else { throw Rejection.badJSON("Aliases must be strings.") }
            guard !text.isEmpty else { continue }
            guard let alias = RoomAlias(text) else {
                throw Rejection.invalidParam("\(text.prefix(255)) is not a room alias.")
            }
            guard try DirectoryQueries(views: environment.views).alias(alias)?.room == room else {
                throw Rejection(400, "M_BAD_ALIAS", "\(alias) does not point to this room.")
            }
        }
    }
}
