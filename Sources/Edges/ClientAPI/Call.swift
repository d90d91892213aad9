import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import MatrixIdentifiers
import Queries

/// One request to an endpoint, with who sends it, and checked access to its parts.
struct Call: Sendable {
    let request: HTTPRequest
    /// Nil where ``Access`` asks for nobody.
    let knownIdentity: Identity?
    let nowMs: Int64
    let epoch: UInt64

    /// Who asks.
    var identity: Identity {
        get throws {
            guard let knownIdentity else {
                throw MatrixError(status: 401, errcode: "M_MISSING_TOKEN", message: "Missing access token")
            }
            return knownIdentity
        }
    }

    var userID: UserID {
        get throws { try identity.userID }
    }

    /// Who gives a command.
    var caller: Caller {
        get throws {
            let identity = try identity
            return Caller(
                userID: identity.userID, deviceID: identity.deviceID, isAdmin: identity.isAdmin,
                isGuest: identity.isGuest, requestID: request.requestID)
        }
    }

    /// Who asks a question.
    var asker: Asker {
        get throws { Asker(try identity, nowMs: nowMs, epoch: epoch) }
    }

    // MARK: Path

    subscript(_ parameter: String) -> String { request.parameters[parameter] }

    var room: RoomID {
        get throws { try identifier("roomId", as: RoomID.self) }
    }

    var eventID: EventID {
        get throws { try identifier("eventId", as: EventID.self) }
    }

    func identifier<Identifier: MatrixIdentifier>(_ parameter: String, as type: Identifier.Type) throws -> Identifier {
        do {
            return try Identifier(parsing: self[parameter])
        } catch {
            throw Rejection.invalidParam("\(parameter): \(error.message)")
        }
    }

    /// The user in the path, who must be the caller.
    func ownUser(_ message: String) throws -> UserID {
        let own = try userID
        guard self["userId"].utf8.elementsEqual(own.rawValue.utf8) else {
            _ = try identifier("userId", as: UserID.self)
            throw Rejection.forbidden(message)
        }
        return own
    }

    // MARK: Query

    func query(_ name: String) -> String? { request.query.first(name) }

    /// A number of the query; what is no number is refused.
    func integerQuery(_ name: String) throws -> Int64? {
        guard let text = query(name), !text.isEmpty else { return nil }
        guard let number = Int64(text) else { throw Rejection.invalidParam("\(name) must be an integer.") }
        return number
    }

    /// A number of the query that must not be negative, held to what an `Int` can count.
    func countQuery(_ name: String) throws -> Int? {
        guard let number = try integerQuery(name) else { return nil }
        guard number >= 0 else { throw Rejection.invalidParam("\(name) must not be negative.") }
        return Int(clamping: number)
    }

    func flagQuery(_ name: String) throws -> Bool {
        switch query(name) {
        case nil, "false", "0", "": return false
        case "true", "1": return true
        default: throw Rejection.invalidParam("\(name) must be true or false.")
        }
    }

    // MARK: Body

    /// The body, which must be a JSON object.
    func body() throws -> Body { Body(try Body.parse(request.body)) }

    /// The body of an endpoint that may be called without one.
    func optionalBody() throws -> Body {
        let isEmpty = request.body.allSatisfy { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }
        return isEmpty ? Body([:]) : try body()
    }
}
