import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import FederationCommands
import HTTPFront
import MatrixIdentifiers
import Queries

/// `/keys/upload`, `/keys/query`, `/keys/claim` and `/keys/changes`.
extension ClientAPI {
    func addKeys(to table: inout EndpointTable) {
        table.perform(.post, "/keys/upload", .guest) { call in
            let counts = try await keys.upload(try call.body().object, caller: call.caller)
            return .json(["one_time_key_counts": .object(counts)])
        }
        // The path of r0.0 named the device, which is that of the token anyhow.
        table.perform(.post, "/keys/upload/{deviceId}", .guest) { call in
            guard try call.identity.deviceID?.utf8.elementsEqual(call["deviceId"].utf8) == true else {
                throw Rejection.invalidParam("The device is not that of the access token.")
            }
            let counts = try await keys.upload(try call.body().object, caller: call.caller)
            return .json(["one_time_key_counts": .object(counts)])
        }
        table.perform(.post, "/keys/query", .guest) { try await queryKeys($0) }
        table.perform(.post, "/keys/claim", .guest) { try await claimKeys($0) }
        table.read("/keys/changes", .guest) { call in
            guard let from = call.query("from") else { throw Rejection.missingParam("from is missing.") }
            if let to = call.query("to"), !to.isEmpty { _ = try SyncToken(parsing: to) }
            let changes = try DeviceListQueries(views: environment.views).changes(
                since: try SyncToken(parsing: from), asker: try call.asker)
            return .json([
                "changed": .array(changes.changed.map(JSONValue.string)),
                "left": .array(changes.left.map(JSONValue.string)),
            ])
        }
    }

    /// "The time (in milliseconds) to wait when downloading keys from remote servers. 10 seconds is the recommended default."
    private func remoteTimeoutMs(_ body: Body) throws -> Int64 {
        min(max(try body.optionalInteger("timeout") ?? 10_000, 1_000), RemoteKeys.longestTimeoutMs)
    }

    /// What to say of other servers when this one does not talk to them.
    private static func failures(of users: [UserID]) -> JSONObject {
        var failures: JSONObject = [:]
        for user in users {
            // "If any remote homeservers could not be reached, they are recorded here."
            failures[user.serverName.rawValue] = [
                "status": 503, "errcode": "M_UNAVAILABLE", "error": "This server does not talk to other servers.",
            ]
        }
        return failures
    }

    private func queryKeys(_ call: Call) async throws -> HTTPResponse {
        let body = try call.body()
        let timeoutMs = try remoteTimeoutMs(body)
        guard let wanted = try body.optionalObject("device_keys") else {
            throw Rejection.missingParam("device_keys is missing.")
        }
        var users: [KeyQueries.Wanted] = []
        var others: [KeyQueries.Wanted] = []
        for (name, value) in wanted {
            let devices: [String]
            switch value {
            case .array(let ids):
                devices = ids.compactMap(\.stringValue)
                guard devices.count == ids.count else { throw Rejection.badJSON("Device IDs must be strings.") }
            // What clients of old sent for all devices.
            case .object(let object) where object.isEmpty: devices = []
            case .null: devices = []
            default: throw Rejection.badJSON("device_keys must have arrays of device IDs.")
            }
            guard let user = UserID(name) else { throw Rejection.invalidParam("\(name) is no user ID.") }
            let wanted = KeyQueries.Wanted(user: user, deviceIDs: devices)
            if user.isOn(environment.serverName) { users.append(wanted) } else { others.append(wanted) }
        }
        let asker = try call.identity.userNum
        if others.isEmpty { return .json(try keys.queries.query(users, asker: asker, failures: [:])) }
        guard let remoteKeys else {
            let failures = Self.failures(of: others.map(\.user))
            return .json(try keys.queries.query(users, asker: asker, failures: failures))
        }
        let found = try await remoteKeys.query(others, timeoutMs: timeoutMs)
        return .json(
            try keys.queries.query(
                users + found.kept, asker: asker, failures: found.failures, others: found.answer))
    }

    private func claimKeys(_ call: Call) async throws -> HTTPResponse {
        let body = try call.body()
        let timeoutMs = try remoteTimeoutMs(body)
        guard let wanted = try body.optionalObject("one_time_keys") else {
            throw Rejection.missingParam("one_time_keys is missing.")
        }
        var targets: [KeyClaimTarget] = []
        var others: [KeyClaimTarget] = []
        for (name, value) in wanted {
            guard let devices = value.objectValue else {
                throw Rejection.badJSON("one_time_keys must have objects of devices.")
            }
            guard let user = UserID(name) else { throw Rejection.invalidParam("\(name) is no user ID.") }
            for (deviceID, value) in devices {
                guard let algorithm = value.stringValue else {
                    throw Rejection.badJSON("An algorithm must be a string.")
                }
                let target = KeyClaimTarget(user: user, deviceID: deviceID, algorithm: algorithm)
                if user.isOn(environment.serverName) { targets.append(target) } else { others.append(target) }
            }
        }
        guard targets.count + others.count <= 20_000 else {
            throw Rejection.tooLarge("These are too many keys at once.")
        }
        var failures: JSONObject = [:]
        var remote: JSONObject = [:]
        if !others.isEmpty {
            if let remoteKeys {
                (remote, failures) = try await remoteKeys.claim(others, timeoutMs: timeoutMs)
            } else {
                failures = Self.failures(of: others.map(\.user))
            }
        }
        let choices = try await keys.claim(targets, caller: call.caller)
        return .json(KeyClaimAnswer.render(targets, choices, others: remote, failures: failures))
    }
}
