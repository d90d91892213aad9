import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
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
        table.read(.post, "/keys/query", .guest) { try queryKeys($0) }
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

    /// A user of the server that was asked for, or what to say of another server.
    private func sort(_ name: String, into failures: inout JSONObject) throws -> UserID? {
        guard let user = UserID(name) else { throw Rejection.invalidParam("\(name) is no user ID.") }
        if user.isOn(environment.serverName) { return user }
        // "If any remote homeservers could not be reached, they are recorded here."
        failures[user.serverName.rawValue] = [
            "status": 503, "errcode": "M_UNAVAILABLE", "error": "This server does not talk to other servers.",
        ]
        return nil
    }

    private func queryKeys(_ call: Call) throws -> HTTPResponse {
        let body = try call.body()
        _ = try body.optionalInteger("timeout")
        guard let wanted = try body.optionalObject("device_keys") else {
            throw Rejection.missingParam("device_keys is missing.")
        }
        var failures: JSONObject = [:]
        var users: [KeyQueries.Wanted] = []
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
            if let user = try sort(name, into: &failures) {
                users.append(KeyQueries.Wanted(user: user, deviceIDs: devices))
            }
        }
        return .json(try keys.queries.query(users, asker: try call.identity.userNum, failures: failures))
    }

    private func claimKeys(_ call: Call) async throws -> HTTPResponse {
        let body = try call.body()
        _ = try body.optionalInteger("timeout")
        guard let wanted = try body.optionalObject("one_time_keys") else {
            throw Rejection.missingParam("one_time_keys is missing.")
        }
        var failures: JSONObject = [:]
        var targets: [KeyClaimTarget] = []
        for (name, value) in wanted {
            guard let devices = value.objectValue else {
                throw Rejection.badJSON("one_time_keys must have objects of devices.")
            }
            let user = try sort(name, into: &failures)
            for (deviceID, value) in devices {
                guard let algorithm = value.stringValue else {
                    throw Rejection.badJSON("An algorithm must be a string.")
                }
                if let user {
                    targets.append(KeyClaimTarget(user: user, deviceID: deviceID, algorithm: algorithm))
                }
            }
        }
        guard targets.count <= 20_000 else { throw Rejection.tooLarge("These are too many keys at once.") }
        let choices = try await keys.claim(targets, caller: call.caller)
        return .json(KeyClaimAnswer.render(targets, choices, failures: failures))
    }
}
