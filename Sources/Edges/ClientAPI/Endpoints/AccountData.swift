import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import MatrixIdentifiers
import Queries

/// `/user/{userId}/account_data`, of the account and of its rooms, and the tags of rooms, which are account data too.
extension ClientAPI {
    func addAccountData(to table: inout EndpointTable) {
        table.read("/user/{userId}/account_data/{type}", .guest) { try accountData(of: nil, $0) }
        table.read("/user/{userId}/rooms/{roomId}/account_data/{type}", .guest) { call in
            try accountData(of: try call.room, call)
        }
        table.perform(.put, "/user/{userId}/account_data/{type}", .guest) { call in
            try await setAccountData(of: nil, call)
        }
        table.perform(.put, "/user/{userId}/rooms/{roomId}/account_data/{type}", .guest) { call in
            try await setAccountData(of: try call.room, call)
        }
        addTags(to: &table)
    }

    private func accountData(of room: RoomID?, _ call: Call) throws -> HTTPResponse {
        let user = try call.ownUser("Cannot get account data for other users.")
        guard let content = try accountQueries.accountData(user, room: room, type: call["type"]) else {
            throw Rejection.notFound("Account data not found.")
        }
        return .json(content)
    }

    private func setAccountData(of room: RoomID?, _ call: Call) async throws -> HTTPResponse {
        _ = try call.ownUser("Cannot add account data for other users.")
        let type = call["type"]
        guard type.utf8.count <= 255 else { throw Rejection.invalidParam("The type may have at most 255 bytes.") }
        // "This `type` of account data is controlled by the server; it cannot be modified by clients."
        if type == "m.fully_read" || type == "m.push_rules" {
            throw Rejection(405, "M_BAD_JSON", "Cannot set \(type) through this API.")
        }
        let content = try call.body().object
        try await accounts.setAccountData(type: type, room: room, content: content, caller: call.caller)
        return .emptyObject
    }

    // MARK: Tags

    private func addTags(to table: inout EndpointTable) {
        table.read("/user/{userId}/rooms/{roomId}/tags", .user) { call in
            _ = try call.ownUser("Cannot get tags for other users.")
            return .json(["tags": .object(try tags(call))])
        }
        table.perform(.put, "/user/{userId}/rooms/{roomId}/tags/{tag}", .user) { call in
            _ = try call.ownUser("Cannot set tags for other users.")
            let tag = call["tag"]
            // "A tag […] MUST NOT exceed 255 bytes."
            guard tag.utf8.count <= 255 else { throw Rejection.invalidParam("A tag may have at most 255 bytes.") }
            let body = try call.optionalBody()
            if let order = body.value("order"), order.doubleValue == nil {
                throw Rejection.badJSON("order must be a number.")
            }
            var tags = try tags(call)
            tags[tag] = .object(body.object)
            return try await setTags(tags, call)
        }
        table.perform(.delete, "/user/{userId}/rooms/{roomId}/tags/{tag}", .user) { call in
            _ = try call.ownUser("Cannot remove tags for other users.")
            var tags = try tags(call)
            guard tags.removeValue(forKey: call["tag"]) != nil else { return .emptyObject }
            return try await setTags(tags, call)
        }
    }

    private func tags(_ call: Call) throws -> JSONObject {
        guard let bytes = try accountQueries.accountData(try call.userID, room: try call.room, type: "m.tag") else {
            return [:]
        }
        return try JSONValue.parse(bytes)["tags"]?.objectValue ?? [:]
    }

    private func setTags(_ tags: JSONObject, _ call: Call) async throws -> HTTPResponse {
        try await accounts.setAccountData(
            type: "m.tag", room: try call.room, content: ["tags": .object(tags)], caller: call.caller)
        return .emptyObject
    }
}
