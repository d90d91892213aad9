import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import MatrixIdentifiers
import Queries
import ReadModel

/// `/admin/whois`, `/admin/lock` and `/admin/suspend`.
extension ClientAPI {
    func addServerAdministration(to table: inout EndpointTable) {
        table.read("/admin/whois/{userId}", .user) { call in
            let user = try call.identifier("userId", as: UserID.self)
            // "This API may be restricted to only be called by the user being looked up, or by a server admin."
            guard try user == call.userID || call.identity.isAdmin else {
                throw Rejection.forbidden("You may only ask about yourself.")
            }
            guard try accountQueries.account(user) != nil else { throw Rejection.notFound("There is no such user.") }
            var devices = JSONObject()
            for device in try accountQueries.devices(user) {
                var connection = JSONObject()
                if let ip = device.lastSeenIP { connection["ip"] = .string(ip) }
                if device.lastSeenMs > 0 { connection["last_seen"] = .integer(device.lastSeenMs) }
                if let agent = device.lastSeenUserAgent { connection["user_agent"] = .string(agent) }
                devices[device.deviceID] = ["sessions": [["connections": [.object(connection)]]]]
            }
            return .json(["user_id": .string(user.rawValue), "devices": .object(devices)])
        }
        for path in ["/admin/lock/{userId}", "/_matrix/client/unstable/uk.timedout.msc4323/admin/lock/{userId}"] {
            add(path, "locked", .locked, to: &table) { user, flag, call in
                try await accounts.setFlags(
                    of: user, isLocked: flag, by: call.userID.rawValue, cause: call.request.requestID)
            }
        }
        for path in ["/admin/suspend/{userId}", "/_matrix/client/unstable/uk.timedout.msc4323/admin/suspend/{userId}"] {
            add(path, "suspended", .suspended, to: &table) { user, flag, call in
                try await accounts.setFlags(
                    of: user, isSuspended: flag, by: call.userID.rawValue, cause: call.request.requestID)
            }
        }
    }

    private func add(
        _ path: String,
        _ member: String,
        _ flag: AccountRow.Flags,
        to table: inout EndpointTable,
        _ set: @escaping @Sendable (UserID, Bool, Call) async throws -> Void
    ) {
        table.read(path, .user) { call in .json([member: .bool(try moderated(call).flags.contains(flag))]) }
        table.perform(.put, path, .user) { call in
            let account = try moderated(call)
            let body = try call.body()
            guard body.value(member) != nil else { throw Rejection.missingParam("\(member) is missing.") }
            let wanted = try body.flag(member)
            // "403: … or the target user is another administrator", and nobody should lock themselves out.
            if account.flags.contains(.admin) {
                throw Rejection.forbidden("Administrators cannot be locked or suspended.")
            }
            if account.flags.contains(flag) != wanted {
                try await set(try UserID(parsing: account.userID), wanted, call)
            }
            return .json([member: .bool(wanted)])
        }
    }

    /// "servers MUST ensure that authorisation is checked prior to trying to do account lookups."
    private func moderated(_ call: Call) throws -> AccountRow {
        guard try call.identity.isAdmin else {
            throw Rejection.forbidden("Requesting user is not a server administrator.")
        }
        let user = try call.identifier("userId", as: UserID.self)
        guard user.serverName == environment.serverName else {
            throw Rejection.invalidParam("User does not belong to the local server.")
        }
        // "The user ID is not found, or is deactivated."
        guard let account = try accountQueries.account(user), !account.flags.contains(.deactivated) else {
            throw Rejection.notFound("User not found.")
        }
        return account
    }
}
