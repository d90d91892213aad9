import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import MatrixIdentifiers

/// User-Interactive Authentication for one endpoint.
struct InteractiveAuthentication {
    let accounts: AccountCommands
    let gate: RateGate
    /// What is being authenticated: a session opens nothing else.
    let operation: String
    /// The ways through, each a list of stages.
    let flows: [[String]]
    /// Whose password counts; nil where nobody is known yet.
    let user: UserID?
    /// Whether the session outlives its success, because the request may be repeated.
    var keepsSession = false

    /// What an authenticated request asks for.
    struct Passed {
        let sessionID: String
        /// The request, without `auth`; from the session's first request if this one carried only `auth`.
        let request: JSONObject
        let registrationToken: String?
        /// The account that an earlier request of the session made.
        let registeredUser: UserID?
    }

    /// Lets a request through, or answers 401 with what is still to be done.
    func pass(_ body: JSONObject) async throws -> Passed {
        var request = body
        let auth = request.removeValue(forKey: "auth") ?? .null
        if auth.isNull { throw challenge(accounts.sessions.begin(operation: operation, request: request)) }
        guard let auth = auth.objectValue else { throw Rejection.badJSON("auth must be an object.") }
        _ = try Body(auth).optionalString("type")
        let session = try session(of: auth, request: request)
        let current = try await attempt(Body(auth), in: session)
        guard flows.contains(where: { $0.allSatisfy(current.completed.contains) }) else { throw challenge(current) }
        if !keepsSession { accounts.sessions.end(current.id) }
        return Passed(
            sessionID: current.id,
            request: request.isEmpty ? current.request : request,
            registrationToken: current.registrationToken,
            registeredUser: current.registeredUser
        )
    }

    private func session(of auth: JSONObject, request: JSONObject) throws -> InteractiveSession {
        // Some clients send their password at once, without a session.
        guard let id = try Body(auth).optionalString("session") else {
            return accounts.sessions.begin(operation: operation, request: request)
        }
        guard let session = accounts.sessions.session(id) else {
            throw Rejection.unknown("The authentication session is unknown or has expired.")
        }
        guard session.operation == operation else {
            throw Rejection.forbidden("The authentication session was begun for something else.")
        }
        accounts.sessions.remember(request, in: id)
        return session
    }

    /// Tries the stage that `auth` names, if it names one.
    private func attempt(_ auth: Body, in session: InteractiveSession) async throws -> InteractiveSession {
        guard let type = try auth.optionalString("type") else {
            // "the client retries the request with an auth dict containing only the session key"
            return session
        }
        // "Completed stages cannot be retried by clients"
        if session.completed.contains(type) { return session }
        guard flows.contains(where: { $0.contains(type) }) else {
            throw challenge(session, "M_UNRECOGNIZED", "The stage is in none of the flows.")
        }
        var registrationToken: String?
        switch type {
        case "m.login.dummy": break
        case "m.login.password": try await checkPassword(auth, session)
        case "m.login.registration_token":
            let token = try auth.string("token")
            guard token.utf8.count <= 64, try accounts.isUsable(registrationToken: token) else {
                throw challenge(session, "M_UNAUTHORIZED", "Invalid registration token")
            }
            registrationToken = token
        default: throw challenge(session, "M_UNRECOGNIZED", "The stage is not supported.")
        }
        guard
            let current = accounts.sessions.complete(type, in: session.id, registrationToken: registrationToken)
        else { throw Rejection.unknown("The authentication session is unknown or has expired.") }
        return current
    }

    private func checkPassword(_ auth: Body, _ session: InteractiveSession) async throws {
        let password = try auth.string("password")
        let named = try LoginIdentifier(auth).user
        guard let user, let meant = try accounts.resolve(login: named) else {
            throw challenge(session, "M_FORBIDDEN", "Invalid password")
        }
        guard meant == user else { throw Rejection.forbidden("Authenticate as the owner of the access token.") }
        try gate.pass(.loginFailedAttempts, user.rawValue, counts: false)
        guard try await accounts.verify(password: password, of: user) else {
            try gate.pass(.loginFailedAttempts, user.rawValue)
            throw challenge(session, "M_FORBIDDEN", "Invalid password")
        }
    }

    /// "it returns HTTP status 401 along with […] flows, params, session", "with the addition of the `completed` key".
    private func challenge(
        _ session: InteractiveSession, _ errcode: String? = nil, _ message: String = ""
    ) -> any Error {
        let flowValues = flows.map { JSONValue.object(["stages": .array($0.map(JSONValue.string))]) }
        var answer: JSONObject = [
            "flows": .array(flowValues), "params": .object([:]), "session": .string(session.id),
        ]
        if errcode != nil || !session.completed.isEmpty {
            answer["completed"] = .array(session.completed.map(JSONValue.string))
        }
        if let errcode {
            answer["errcode"] = .string(errcode)
            answer["error"] = .string(message)
        }
        return Challenge(answer: answer)
    }
}

/// The answer of User-Interactive Authentication that something is still to be done. It is no error object.
struct Challenge: Error {
    let answer: JSONObject

    var response: HTTPResponse { .json(.object(answer), status: 401) }
}

/// Who a client says it is: `identifier`, or the members that it replaced.
struct LoginIdentifier {
    /// A user ID or a localpart.
    let user: String

    init(_ body: Body) throws {
        guard let identifier = try body.optionalObject("identifier") else {
            // "Deprecated in favour of `identifier`."
            guard let user = try body.optionalString("user") else {
                guard body.value("medium") == nil, body.value("address") == nil else { throw Self.thirdParty }
                throw Rejection.missingParam("identifier is missing.")
            }
            self.user = user
            return
        }
        let inner = Body(identifier)
        switch try inner.string("type") {
        case "m.id.user": user = try inner.string("user")
        // "In the case that the homeserver does not know about the supplied 3PID, the homeserver must respond with 403"
        case "m.id.thirdparty", "m.id.phone": throw Self.thirdParty
        default: throw Rejection.unknown("The identifier type is not supported.")
        }
    }

    private static let thirdParty = Rejection.forbidden("This server knows no third-party identifiers.")
}
