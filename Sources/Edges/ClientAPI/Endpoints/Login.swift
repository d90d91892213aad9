import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import MatrixIdentifiers
import Queries
import ReadModel

/// `/login`, `/logout`, `/refresh`.
extension ClientAPI {
    func addLogin(to table: inout EndpointTable) {
        table.read("/login", .anyone) { _ in .json(["flows": .array(loginFlows)]) }
        table.perform(.post, "/login", .anyone) { try await login($0) }
        table.perform(.post, "/login/get_token", .user) { try await makeLoginToken($0) }
        table.perform(.post, "/refresh", .anyone) { call in
            let token = try call.body().string("refresh_token")
            let session = try await accounts.refresh(token, cause: call.request.requestID)
            return .json(.object(session.tokenMembers))
        }
        table.perform(.post, "/logout", .anyToken) { call in
            try await accounts.logout(caller: call.caller)
            return .emptyObject
        }
        table.perform(.post, "/logout/all", .anyToken) { call in
            try await accounts.logoutAll(caller: call.caller)
            return .emptyObject
        }
    }

    private var loginFlows: [JSONValue] {
        var flows: [JSONValue] = []
        if settings.passwordLoginEnabled { flows.append(["type": "m.login.password"]) }
        if settings.loginTokensEnabled { flows.append(["type": "m.login.token", "get_login_token": true]) }
        return flows
    }

    private func login(_ call: Call) async throws -> HTTPResponse {
        let body = try call.body()
        let type = try body.string("type")
        let user: UserID
        switch type {
        case "m.login.password" where settings.passwordLoginEnabled: user = try await passwordLogin(body, call)
        case "m.login.token" where settings.loginTokensEnabled:
            let token = try body.string("token")
            try gate.pass(.loginAddress, call.request.remoteAddress)
            guard let owner = accounts.loginTokens.spend(token) else {
                throw Rejection.forbidden("The login token is unknown, used or expired.")
            }
            user = owner
        case "m.login.application_service":
            throw Rejection(400, "M_APPSERVICE_LOGIN_UNSUPPORTED", "Application services cannot log in here.")
        default: throw Rejection.unknown("Unknown login type \(type)")
        }
        let session = try await accounts.login(
            user, device: try deviceRequest(body, call), cause: call.request.requestID)
        return .json(.object(loginAnswer(session)))
    }

    private func passwordLogin(_ body: Body, _ call: Call) async throws -> UserID {
        // Members of old, which say nothing beside an identifier, are read all the same.
        for member in ["user", "medium", "address", "token"] { _ = try body.optionalString(member) }
        let name = try LoginIdentifier(body).user
        let password = try body.string("password")
        _ = try deviceRequest(body, call)
        try gate.pass(.loginAddress, call.request.remoteAddress)
        let user = try accounts.resolve(login: name)
        let subject = user?.rawValue ?? Localparts.asciiLowercased(name)
        try gate.pass(.loginAccount, subject, counts: false)
        try gate.pass(.loginFailedAttempts, subject, counts: false)
        if let user, let account = try accountQueries.account(user), account.isDeactivated {
            throw Rejection(403, "M_USER_DEACTIVATED", "This account has been deactivated.")
        }
        guard try await accounts.verify(password: password, of: user), let user else {
            try gate.pass(.loginFailedAttempts, subject)
            throw Rejection.forbidden("Invalid username or password")
        }
        // Only who knows the password can use up the account's own limit.
        try gate.pass(.loginAccount, subject)
        return user
    }

    /// What a body says about the device that logs in.
    func deviceRequest(_ body: Body, _ call: Call) throws -> DeviceRequest {
        let request = DeviceRequest(
            deviceID: try body.optionalString("device_id"),
            displayName: try body.optionalString("initial_device_display_name"),
            wantsRefreshToken: try body.flag("refresh_token"),
            ip: call.request.remoteAddress,
            userAgent: call.request.headers.first("user-agent")
        )
        if let deviceID = request.deviceID, !deviceID.isEmpty, DeviceID(deviceID) == nil {
            throw Rejection.invalidParam("A device ID may have at most 255 bytes, and no NUL.")
        }
        return request
    }

    /// The answer of `/login` and `/register`.
    func loginAnswer(_ session: LoginSession) -> JSONObject {
        var answer = session.tokenMembers
        answer["user_id"] = .string(session.userID.rawValue)
        answer["device_id"] = .string(session.deviceID)
        answer["home_server"] = .string(environment.serverName.rawValue)
        if let url = settings.publicBaseURL { answer["well_known"] = ["m.homeserver": ["base_url": .string(url)]] }
        return answer
    }

    private func makeLoginToken(_ call: Call) async throws -> HTTPResponse {
        guard settings.loginTokensEnabled else { throw MatrixError.unrecognizedPath }
        // "servers MUST always re-prompt the user for verification"
        _ = try await interactive(call, "POST /login/get_token").pass(try call.optionalBody().object)
        let token = accounts.loginTokens.make(for: try call.userID)
        return .json([
            "login_token": .string(token), "expires_in_ms": .integer(accounts.loginTokens.lifetimeMs),
        ])
    }

    /// Asks for the caller's password.
    func interactive(_ call: Call, _ operation: String) throws -> InteractiveAuthentication {
        let user = try call.userID
        return InteractiveAuthentication(
            accounts: accounts,
            gate: gate,
            operation: "\(operation) \(user)",
            flows: [["m.login.password"]],
            user: user
        )
    }
}
