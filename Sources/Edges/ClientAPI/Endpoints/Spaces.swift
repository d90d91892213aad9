import CanonicalJSON
import Decisions
import HTTPFront
import MatrixIdentifiers
import Queries

/// `/room_summary`, `/hierarchy` and `/mutual_rooms`.
extension ClientAPI {
    private static let defaultHierarchyLimit = 50

    func addSpaces(to table: inout EndpointTable) {
        // The path that clients used before the specification took it up is "/rooms/…/summary" under a prefix of its own.
        for path in [
            "/room_summary/{roomIdOrAlias}", "/_matrix/client/unstable/im.nheko.summary/rooms/{roomIdOrAlias}/summary",
            "/_matrix/client/unstable/im.nheko.summary/summary/{roomIdOrAlias}",
        ] {
            table.perform(.get, path, .optional) { call in
                let named = try await namedRoom(call)
                return .json(try spaceQueries.summary(of: named.room, for: call.knownIdentity?.userNum))
            }
        }
        table.read("/rooms/{roomId}/hierarchy", .user) { call in
            if let limit = try call.integerQuery("limit"), limit <= 0 {
                throw Rejection.invalidParam("limit must be greater than zero.")
            }
            let request = SpaceQueries.HierarchyRequest(
                room: try call.room,
                suggestedOnly: try call.flagQuery("suggested_only"),
                maxDepth: try call.countQuery("max_depth"),
                limit: try call.countQuery("limit") ?? Self.defaultHierarchyLimit,
                from: call.query("from"))
            return .json(try spaceQueries.hierarchy(request, by: try call.asker))
        }
        for path in ["/mutual_rooms", "/_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms"] {
            table.read(path, .user) { try mutualRooms($0) }
        }
    }

    private func mutualRooms(_ call: Call) throws -> HTTPResponse {
        guard let text = call.query("user_id"), !text.isEmpty else {
            throw Rejection.missingParam("user_id is missing.")
        }
        guard let user = UserID(text) else { throw Rejection.invalidParam("user_id is not a user ID.") }
        let own = try call.userID
        // "the user_id parameter … was the sender's own user ID."
        guard user != own else { throw Rejection.invalidParam("user_id is your own.") }
        let rooms = try roomQueries.mutualRooms(own, user)
        let start = try pageStart(call.query("from"))
        let page = rooms.dropFirst(start).prefix(100)
        var answer: JSONObject = [
            "joined": .array(page.map { .string($0.rawValue) }), "count": .integer(Int64(rooms.count)),
        ]
        if start + page.count < rooms.count { answer["next_batch"] = .string("m\(start + page.count)") }
        return .json(.object(answer))
    }

    private func pageStart(_ token: String?) throws -> Int {
        guard let token else { return 0 }
        guard token.utf8.first == UInt8(ascii: "m"), let start = Int(token.dropFirst()), start > 0, start < 1 << 30
        else { throw Rejection.invalidParam("The from token is unknown.") }
        return start
    }
}
