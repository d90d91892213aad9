import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import MatrixIdentifiers
import Queries
import ReadModel

/// `/query/profile`, `/query/directory` and other queries.
extension FederationAPI {
    func addQueries(to table: inout FederationTable) {
        table.signed(.get, "/_matrix/federation/v1/query/profile") { try profile($0) }
        table.signed(.get, "/_matrix/federation/v1/query/directory") { call in
            let alias = try call.identifierQuery("room_alias", as: RoomAlias.self)
            guard alias.serverName == environment.serverName, let found = try directory.alias(alias) else {
                throw Rejection.notFound("Room alias not found.")
            }
            let servers = try admission.census.joinedServers(of: found.room)
            return .json([
                "room_id": .string(found.room.rawValue), "servers": .array(servers.map { .string($0.rawValue) }),
            ])
        }
        table.signed(.get, "/_matrix/federation/v1/query/{queryType}") { call in
            throw Rejection(404, "M_UNRECOGNIZED", "There is no query of type \(call["queryType"].prefix(64)).")
        }
    }

    private func profile(_ call: FederationCall) throws -> HTTPResponse {
        // "Profile lookup over federation is disabled on this homeserver"
        guard settings.allowsProfileLookup else {
            throw Rejection.forbidden("Profile lookup over federation is disabled on this homeserver.")
        }
        let user = try call.identifierQuery("user_id", as: UserID.self)
        // "MUST be a user local to the receiving homeserver."
        guard user.isOn(environment.serverName) else {
            throw Rejection.invalidParam("\(user) is not a user of this server.")
        }
        guard let account = try accounts.account(user), !account.isErased, let profile = try accounts.profile(user)
        else { throw Rejection.notFound("User does not exist.") }
        guard let field = call.query("field") else { return .json(.object(profile)) }
        let found = profile.filter { key, _ in key.utf8.elementsEqual(field.utf8) }
        // "If the user does not have a particular field set on their profile, the server MUST either exclude it from the
        // response body or give it the value `null`." Of other names: "the queried field does not exist."
        guard !found.isEmpty || field == "displayname" || field == "avatar_url" else {
            throw Rejection.notFound("The profile has no such field.")
        }
        return .json(.object(found))
    }
}
