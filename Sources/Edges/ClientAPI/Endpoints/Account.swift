import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import MatrixIdentifiers
import Queries
import ReadModel

/// `/account`: who one is, another password, and the end of an account.
extension ClientAPI {
    func addAccount(to table: inout EndpointTable) {
        table.read("/account/whoami", .guest) { call in
            let identity = try call.identity
            var answer: JSONObject = [
                "user_id": .string(identity.userID.rawValue), "is_guest": .bool(identity.isGuest),
            ]
            if let deviceID = identity.deviceID { answer["device_id"] = .string(deviceID) }
            return .json(.object(answer))
        }
        table.perform(.post, "/account/password", .optional) { try await changePassword($0) }
        table.perform(.post, "/account/deactivate", .optional) { try await deactivate($0) }
        addThirdPartyIdentifiers(to: &table)
    }

    /// This server neither sends mail nor text messages: there are no third-party identifiers, and none can be added.
    private func addThirdPartyIdentifiers(to table: inout EndpointTable) {
        table.read("/account/3pid", .user) { _ in .json(["threepids": .array([])]) }
        for medium in ["email", "msisdn"] {
            for path in ["/register", "/account/password", "/account/3pid"] {
                let address = medium == "email" ? ["email"] : ["country", "phone_number"]
                table.read(.post, "\(path)/\(medium)/requestToken", .anyone) { call in
                    let body = try call.body()
                    for name in ["client_secret"] + address { _ = try body.string(name) }
                    for name in ["next_link", "id_server", "id_access_token"] { _ = try body.optionalString(name) }
                    guard try body.optionalInteger("send_attempt") != nil else {
                        throw Rejection.missingParam("send_attempt is missing.")
                    }
                    throw Self.noThirdParty
                }
            }
        }
        table.read(.post, "/account/3pid", .user) { call in
            guard let credentials = try call.body().optionalObject("three_pid_creds") else {
                throw Rejection.missingParam("three_pid_creds is missing.")
            }
            for name in ["client_secret", "sid", "id_server", "id_access_token"] {
                _ = try Body(credentials).string(name)
            }
            throw Self.noThirdParty
        }
        for (path, names) in [
            ("/account/3pid/add", ["client_secret", "sid"]),
            ("/account/3pid/bind", ["client_secret", "sid", "id_server", "id_access_token"]),
        ] {
            table.read(.post, path, .user) { call in
                let body = try call.body()
                for name in names { _ = try body.string(name) }
                _ = try body.optionalObject("auth")
                throw Self.noThirdParty
            }
        }
        for path in ["/account/3pid/delete", "/account/3pid/unbind"] {
            table.read(.post, path, .user) { call in
                let body = try call.body()
                _ = try body.string("address")
                guard try ["email", "msisdn"].contains(body.string("medium")) else {
                    throw Rejection.invalidParam("medium must be email or msisdn.")
                }
                _ = try body.optionalString("id_server")
                return .json(["id_server_unbind_result": "no-support"])
            }
        }
    }

    private static let noThirdParty = Rejection(
        400, "M_THREEPID_MEDIUM_NOT_SUPPORTED", "This server has no third-party identifiers.")

    private func changePassword(_ call: Call) async throws -> HTTPResponse {
        let body = try call.body()
        guard settings.passwordLoginEnabled else { throw Rejection.forbidden("Passwords are not used here.") }
        // Without a session the specification leaves email and telephone, which this server does not have.
        let interactive = try interactiveOfOwner(call, "POST /account/password")
        if body.value("new_password") != nil { try accounts.checkPassword(try body.string("new_password")) }
        let logsOut = try body.flag("logout_devices", default: true)
        let request = Body(try await interactive.pass(body.object).request)
        let password = try request.string("new_password")
        let caller = try call.caller
        var removed: [String] = []
        if logsOut, try request.flag("logout_devices", default: true) {
            // "The homeserver SHOULD NOT revoke the access token provided in the request."
            removed = try accountQueries.devices(caller.userID).map(\.deviceID).filter { $0 != caller.deviceID }
        }
        try await accounts.changePassword(
            of: caller.userID, to: password, removingDevices: removed, caller: caller)
        return .emptyObject
    }

    private func deactivate(_ call: Call) async throws -> HTTPResponse {
        let body = try call.optionalBody()
        _ = try body.flag("erase")
        _ = try body.optionalString("id_server")
        let passed = try await interactiveOfOwner(call, "POST /account/deactivate").pass(body.object)
        let caller = try call.caller
        try await accounts.deactivate(
            caller.userID, erase: try Body(passed.request).flag("erase"), rooms: rooms, caller: caller)
        // There is no identity server to which anything could have been bound.
        return .json(["id_server_unbind_result": "success"])
    }

    private func interactiveOfOwner(_ call: Call, _ operation: String) throws -> InteractiveAuthentication {
        if try call.identity.isGuest {
            throw Rejection(403, "M_GUEST_ACCESS_FORBIDDEN", "Guests may not use this endpoint")
        }
        return try interactive(call, operation)
    }
}
