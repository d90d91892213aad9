import CanonicalJSON
import Decisions
import EndpointSupport
package import FederationCommands
package import HTTPFront
import MatrixIdentifiers

/// Who this server is: its signing keys, what it as a notary knows of others', and where it is found.
package struct KeyAPI: Sendable {
    private let keys: ServerKeys
    private let servesWellKnown: Bool
    private let nowMs: @Sendable () -> Int64

    /// Of one query.
    private static let mostServersAsked = 200

    /// - Parameter servesWellKnown: `serve_server_wellknown`.
    package init(keys: ServerKeys, servesWellKnown: Bool, nowMs: @escaping @Sendable () -> Int64) {
        self.keys = keys
        self.servesWellKnown = servesWellKnown
        self.nowMs = nowMs
    }

    /// Every endpoint, for the router.
    package var routes: [Route] {
        var table = FederationTable(authentication: NobodySigns(), nowMs: nowMs)
        addKeys(to: &table)
        addNotary(to: &table)
        return table.routes + [wellKnown]
    }

    /// `/.well-known/matrix/server`, on every listener: whoever asks, asks at the port of the web.
    private var wellKnown: Route {
        let answer: HTTPResponse
        if servesWellKnown {
            // This server's own address is where the question came: the port of the web.
            answer = .json(.object(["m.server": .string("\(keys.published.serverName.host):443")]))
        } else {
            answer = .matrixError(404, "M_NOT_FOUND", "This server delegates to nobody.")
        }
        return Route(.get, "/.well-known/matrix/server", .immediate { _ in answer })
    }

    private func addKeys(to table: inout FederationTable) {
        let keys = keys
        // "Gets the homeserver's published signing keys." Older servers name a key that they want.
        for path in ["/_matrix/key/v2/server", "/_matrix/key/v2/server/{keyId}"] {
            table.open(.get, path, resource: "keys") { call in
                .json(.object(try keys.published.document(nowMs: call.nowMs)))
            }
        }
    }

    private func addNotary(to table: inout FederationTable) {
        let keys = keys
        // "Query for another server's keys. The receiving (notary) server must sign the keys returned by the queried
        // server."
        table.open(.get, "/_matrix/key/v2/query/{serverName}", resource: "keys") { call in
            let server = try call.identifier("serverName", as: ServerName.self)
            // "If not supplied, the notary server MUST use the current time."
            let minimum = try call.countQuery("minimum_valid_until_ts").map(Int64.init) ?? call.nowMs
            let document = try await keys.document(of: server, keyIDs: [], minimumValidUntil: minimum)
            return try Self.answer(document.map { [$0] } ?? [], keys)
        }
        table.open(.get, "/_matrix/key/v2/query/{serverName}/{keyId}", resource: "keys") { call in
            let server = try call.identifier("serverName", as: ServerName.self)
            let minimum = try call.countQuery("minimum_valid_until_ts").map(Int64.init) ?? call.nowMs
            let document = try await keys.document(of: server, keyIDs: [call["keyId"]], minimumValidUntil: minimum)
            return try Self.answer(document.map { [$0] } ?? [], keys)
        }

        // "Query for keys from multiple servers in a batch format."
        table.open(.post, "/_matrix/key/v2/query", resource: "keys") { call in
            guard let wanted = try call.body().optionalObject("server_keys") else {
                throw Rejection.missingParam("server_keys is missing.")
            }
            guard wanted.count <= Self.mostServersAsked else {
                throw Rejection.tooLarge("At most \(Self.mostServersAsked) servers can be asked about at once.")
            }
            let wishes = try wanted.map { name, criteria in
                try Self.wish(name, criteria, nowMs: call.nowMs)
            }
            // "Servers which are offline and have no cached keys will not be included in the result."
            return try Self.answer(try await keys.documents(wishes), keys)
        }
    }

    private static func wish(
        _ name: String, _ criteria: JSONValue, nowMs: Int64
    ) throws -> (server: ServerName, keyIDs: [String], minimumValidUntil: Int64) {
        let server = try ServerName(parsing: name)
        guard let criteria = criteria.objectValue else {
            throw Rejection.badJSON("server_keys must have an object for each server.")
        }
        var minimum: Int64?
        for value in criteria.values {
            guard let one = value.objectValue else {
                throw Rejection.badJSON("server_keys must have an object for each key.")
            }
            guard let stated = one["minimum_valid_until_ts"], !stated.isNull else { continue }
            guard let time = stated.integerValue else {
                throw Rejection.badJSON("minimum_valid_until_ts must be an integer.")
            }
            minimum = max(minimum ?? time, time)
        }
        return (server, Array(criteria.keys.prefix(64)), minimum ?? nowMs)
    }

    private static func answer(_ documents: [JSONObject], _ keys: ServerKeys) throws -> HTTPResponse {
        let signed = try documents.map { JSONValue.object(try keys.published.signed($0)) }
        return .json(.object(["server_keys": .array(signed)]))
    }
}

/// For endpoints that everybody may ask.
private struct NobodySigns: RequestAuthentication {
    func origin(of request: HTTPRequest) async throws -> ServerName {
        throw MatrixError(status: 401, errcode: "M_UNAUTHORIZED", message: "The request is not signed.")
    }
}
