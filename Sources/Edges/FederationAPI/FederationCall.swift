import CanonicalJSON
import Decisions
import EndpointSupport
import HTTPFront
import MatrixIdentifiers

/// One request to an endpoint of the server-server API, with who sends it, and checked access to its parts.
struct FederationCall: Sendable {
    let request: HTTPRequest
    /// Nil where nobody is asked for.
    let knownOrigin: ServerName?
    let nowMs: Int64

    /// The server that asks.
    var origin: ServerName {
        get throws {
            guard let knownOrigin else {
                throw MatrixError(status: 401, errcode: "M_UNAUTHORIZED", message: "The request is not signed.")
            }
            return knownOrigin
        }
    }

    subscript(_ parameter: String) -> String { request.parameters[parameter] }

    var room: RoomID {
        get throws { try identifier("roomId", as: RoomID.self) }
    }

    var eventID: EventID {
        get throws { try identifier("eventId", as: EventID.self) }
    }

    func identifier<Identifier: MatrixIdentifier>(_ parameter: String, as type: Identifier.Type) throws -> Identifier {
        try parse(self[parameter], parameter)
    }

    func query(_ name: String) -> String? { request.query.first(name) }

    /// An identifier of the query, which must be there.
    func identifierQuery<Identifier: MatrixIdentifier>(_ name: String, as type: Identifier.Type) throws -> Identifier {
        guard let text = query(name) else { throw Rejection.missingParam("\(name) is missing.") }
        return try parse(text, name)
    }

    private func parse<Identifier: MatrixIdentifier>(_ text: String, _ name: String) throws -> Identifier {
        do {
            return try Identifier(parsing: text)
        } catch {
            throw Rejection.invalidParam("\(name): \(error.message)")
        }
    }

    /// A number of the query that must not be negative, held to what an `Int` can count.
    func countQuery(_ name: String) throws -> Int? {
        guard let text = query(name), !text.isEmpty else { return nil }
        guard let number = Int64(text), number >= 0 else {
            throw Rejection.invalidParam("\(name) must be a number that is not negative.")
        }
        return Int(clamping: number)
    }

    func flagQuery(_ name: String) throws -> Bool {
        switch query(name) {
        case nil, "false", "0", "": return false
        case "true", "1": return true
        default: throw Rejection.invalidParam("\(name) must be true or false.")
        }
    }

    /// The body, which must be a JSON object.
    func body() throws -> Body { Body(try Body.parse(request.body, limits: .federationBody)) }
}
