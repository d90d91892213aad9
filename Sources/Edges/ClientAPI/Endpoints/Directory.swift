import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import MatrixIdentifiers
import Queries
import ReadModel

/// `/directory` and `/rooms/{roomId}/aliases`.
extension ClientAPI {
    func addDirectory(to table: inout EndpointTable) {
        table.perform(.get, "/directory/room/{roomAlias}", .anyone) { call in
            let found = try await place(of: try alias(call))
            return .json([
                "room_id": .string(found.room.rawValue), "servers": .array(found.via.map { .string($0.rawValue) }),
            ])
        }
        table.perform(.put, "/directory/room/{roomAlias}", .user.notSuspended) { call in
            let alias = try alias(call)
            let text = try call.body().string("room_id")
            guard let room = RoomID(text) else { throw Rejection.invalidParam("room_id is not a room ID.") }
            try await rooms.createAlias(alias, room: room, caller: call.caller)
            return .emptyObject
        }
        table.perform(.delete, "/directory/room/{roomAlias}", .user.notSuspended) { call in
            try await rooms.removeAlias(try alias(call), caller: call.caller)
            return .emptyObject
        }
        table.read("/rooms/{roomId}/aliases", .user) { try aliases($0) }
        table.read("/directory/list/room/{roomId}", .anyone) { call in
            let room = try call.room
            guard try roomQueries.head(room) != nil else { throw Rejection.notFound("This server knows no such room.") }
            let isPublic = try directoryQueries.isPublished(room)
            return .json(["visibility": .string(isPublic ? "public" : "private")])
        }
        table.perform(.put, "/directory/list/room/{roomId}", .user.notSuspended) { call in
            let visibility = try call.optionalBody().optionalString("visibility") ?? "public"
            guard visibility == "public" || visibility == "private" else {
                throw Rejection.invalidParam("visibility must be public or private.")
            }
            try await rooms.setDirectoryVisibility(
                room: call.room, isPublic: visibility == "public", caller: call.caller)
            return .emptyObject
        }
    }

    private func alias(_ call: Call) throws -> RoomAlias { try call.identifier("roomAlias", as: RoomAlias.self) }

    /// "Any user who is a member of the room, or, if the room's history visibility is `world_readable`, any user".
    private func aliases(_ call: Call) throws -> HTTPResponse {
        let room = try call.room
        let isMember = try roomQueries.membership(room, try call.userID)?.membership == .join
        if !isMember {
            let visibility = try roomQueries.currentState(room, type: "m.room.history_visibility", stateKey: "")
            guard try visibility?.content()["history_visibility"]?.stringValue == "world_readable" else {
                throw Rejection.forbidden("You are not in this room, or it does not exist.")
            }
        }
        let aliases = try directoryQueries.aliases(of: room).map { JSONValue.string($0.rawValue) }
        return .json(["aliases": .array(aliases)])
    }
}
