package import CanonicalJSON
import Decisions
package import MatrixIdentifiers

/// What users of this server ask that only another server knows.
package struct RemoteLookups: Sendable {
    private let remotes: any RemoteServers
    private static let timeoutMs: Int64 = 15_000
    private static let mostServers = 50

    package init(remotes: any RemoteServers) {
        self.remotes = remotes
    }

    /// The room of another server's alias, and servers that are in it.
    ///
    /// - Throws: `Rejection` 404 when there is none, 502 when the server does not answer.
    package func room(of alias: RoomAlias) async throws -> (room: RoomID, servers: [ServerName]) {
        let target = RequestTarget("\(RemoteRooms.federation)/query/directory").adding("room_alias", alias.rawValue)
        let answer = try await ask(target, of: alias.serverName, what: "Room alias \(alias)")
        guard let room = answer["room_id"]?.stringValue.flatMap({ RoomID($0) }) else {
            throw Rejection(502, "M_UNKNOWN", "\(alias.serverName) gave no room for the alias.")
        }
        let servers = (answer["servers"]?.arrayValue ?? []).prefix(Self.mostServers)
            .compactMap { $0.stringValue.flatMap { ServerName($0) } }
        return (room, [alias.serverName] + servers.filter { $0 != alias.serverName })
    }

    /// The profile of another server's user.
    package func profile(of user: UserID, field: String? = nil) async throws -> JSONObject {
        var target = RequestTarget("\(RemoteRooms.federation)/query/profile").adding("user_id", user.rawValue)
        if let field { target = target.adding("field", field) }
        return try await ask(target, of: user.serverName, what: "The profile of \(user)")
    }

    /// The published rooms of another server, as it answers.
    ///
    /// - Parameter body: the filter of the request; nil for a request without one.
    package func publicRooms(
        of server: ServerName, limit: Int?, since: String?, body: JSONObject?
    ) async throws -> JSONObject {
        var target = RequestTarget("\(RemoteRooms.federation)/publicRooms")
        if body == nil {
            if let limit { target = target.adding("limit", String(limit)) }
            if let since { target = target.adding("since", since) }
        }
        let answer = try await ask(target, body, of: server, what: "The directory of \(server)")
        guard answer["chunk"]?.arrayValue != nil else {
            throw Rejection(502, "M_UNKNOWN", "\(server) gave no list of rooms.")
        }
        return answer
    }

    private func ask(
        _ target: RequestTarget, _ body: JSONObject? = nil, of server: ServerName, what: String
    ) async throws -> JSONObject {
        do {
            return try await remotes.send(
                RemoteRequest(
                    body == nil ? .get : .post, target.text, of: server, body: body, timeoutMs: Self.timeoutMs)
            ).object()
        } catch RemoteFault.refused(let status, let errcode, let message) where (400..<500).contains(status) {
            if status == 404 { throw Rejection.notFound("\(what) was not found.") }
            throw Rejection(403, errcode, "\(server): \(message)")
        } catch let fault as RemoteFault {
            throw Rejection(502, "M_UNKNOWN", "\(what) could not be had: \(fault).")
        }
    }
}
