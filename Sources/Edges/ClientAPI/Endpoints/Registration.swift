import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import MatrixIdentifiers

/// `/register` and what belongs to it.
extension ClientAPI {
    func addRegistration(to table: inout EndpointTable) {
        table.perform(.post, "/register", .anyone) { try await register($0) }
        table.read("/register/available", .anyone) { call in
            guard settings.registrationEnabled else { throw Self.registrationDisabled }
            guard let name = call.query("username") else { throw Rejection.missingParam("username is missing.") }
            try gate.pass(.registration, call.request.remoteAddress, counts: false)
            // Here the name counts as it is written: `/register` would lower its case.
            let userID = try Localparts.userID(requested: name, server: environment.serverName)
            guard userID.localpart.utf8.elementsEqual(name.utf8) else {
                throw Rejection(400, "M_INVALID_USERNAME", "A user name may not contain capital letters.")
            }
            try accounts.requireFree(userID)
            return .json(["available": true])
        }
        table.read("/register/m.login.registration_token/validity", .anyone) { call in
            guard settings.registrationEnabled else { throw Self.registrationDisabled }
            try gate.pass(.registrationTokenValidity, call.request.remoteAddress)
            guard let token = call.query("token") else { throw Rejection.missingParam("token is missing.") }
            return .json(["valid": .bool(try accounts.isUsable(registrationToken: token))])
        }
    }

    private static let registrationDisabled = Rejection.forbidden("Registration has been disabled")

    private func register(_ call: Call) async throws -> HTTPResponse {
        let body = try call.optionalBody()
        switch call.query("kind") ?? "user" {
        case "user": return try await registerUser(body, call)
        case "guest": return try await registerGuest(body, call)
        default: throw Rejection.invalidParam("kind must be user or guest.")
        }
    }

    /// "When registering a guest account, all parameters in the request body with the exception of
    /// `initial_device_display_name` MUST BE ignored by the server."
    private func registerGuest(_ body: Body, _ call: Call) async throws -> HTTPResponse {
        guard settings.guestAccessAllowed else {
            throw Rejection(403, "M_GUEST_ACCESS_FORBIDDEN", "Guest access is disabled")
        }
        try gate.pass(.registration, call.request.remoteAddress)
        var account = NewAccount(
            device: DeviceRequest(
                displayName: try body.optionalString("initial_device_display_name"),
                ip: call.request.remoteAddress,
                userAgent: call.request.headers.first("user-agent")
            ))
        account.kind = .guest
        return answer(try await accounts.register(account, cause: call.request.requestID))
    }

    private func registerUser(_ body: Body, _ call: Call) async throws -> HTTPResponse {
        if try body.optionalString("type") == "m.login.application_service" {
            throw Rejection(401, "M_UNKNOWN_TOKEN", "No application service has this token.")
        }
        guard settings.registrationEnabled else { throw Self.registrationDisabled }
        try gate.pass(.registration, call.request.remoteAddress, counts: false)
        // "Homeservers MUST perform the relevant checks and return these codes before performing
        // User-Interactive Authentication"
        if try earlierRegistration(body) == nil { _ = try checkedRegistration(body, call) }
        let interactive = InteractiveAuthentication(
            accounts: accounts,
            gate: gate,
            operation: "POST /register",
            flows: [[settings.registrationRequiresToken ? "m.login.registration_token" : "m.login.dummy"]],
            user: nil,
            keepsSession: true
        )
        let passed = try await interactive.pass(body.object)
        let request = Body(passed.request)
        if let user = passed.registeredUser { return try await repeatRegistration(of: user, request, call) }
        var account = try checkedRegistration(request, call)
        guard account.password != nil else { throw Rejection.missingParam("password is missing.") }
        account.registrationToken = passed.registrationToken
        try gate.pass(.registration, call.request.remoteAddress)
        let registration = try await accounts.register(account, cause: call.request.requestID)
        accounts.sessions.finish(passed.sessionID, registered: registration.userID)
        return answer(registration)
    }

    private func earlierRegistration(_ body: Body) throws -> UserID? {
        guard let id = body.object["auth"]?["session"]?.stringValue else { return nil }
        return accounts.sessions.session(id)?.registeredUser
    }

    /// The answer to a registration may have been lost on its way: its repetition logs in anew.
    private func repeatRegistration(of user: UserID, _ body: Body, _ call: Call) async throws -> HTTPResponse {
        let device = try deviceRequest(body, call)
        var session: LoginSession?
        if try !body.flag("inhibit_login") {
            session = try await accounts.login(user, device: device, cause: call.request.requestID)
        }
        return answer(AccountCommands.Registration(userID: user, session: session))
    }

    private func checkedRegistration(_ body: Body, _ call: Call) throws -> NewAccount {
        var account = NewAccount()
        if let token = try body.optionalString("guest_access_token") {
            let userID = try Localparts.userID(
                requested: try body.string("username"), server: environment.serverName, isPrivileged: true)
            try accounts.requireGuest(userID, accessToken: token)
            account.userID = userID
            account.guestAccessToken = token
        } else if let name = try body.optionalString("username") {
            let userID = try Localparts.userID(requested: name, server: environment.serverName)
            try accounts.requireFree(userID)
            account.userID = userID
        }
        if let password = try body.optionalString("password") {
            try accounts.checkPassword(password)
            account.password = password
        }
        let device = try deviceRequest(body, call)
        if try !body.flag("inhibit_login") { account.device = device }
        return account
    }

    func answer(_ registration: AccountCommands.Registration) -> HTTPResponse {
        guard let session = registration.session else {
            return .json([
                "user_id": .string(registration.userID.rawValue),
                "home_server": .string(environment.serverName.rawValue),
            ])
        }
        var answer = loginAnswer(session)
        answer.removeValue(forKey: "well_known")
        return .json(.object(answer))
    }
}
