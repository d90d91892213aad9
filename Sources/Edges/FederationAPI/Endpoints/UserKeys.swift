import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import MatrixIdentifiers
import Queries
import ReadModel

/// `/user/devices`, `/user/keys/query` and `/user/keys/claim`.
extension FederationAPI {
    /// How many users one query may name, and how many keys one claim.
    private static let mostUsers = 10_000
    private static let mostClaims = 20_000

    func addUserKeys(to table: inout FederationTable) {
        table.signed(.get, "/_matrix/federation/v1/user/devices/{userId}") { call in
            let user = try local(call["userId"])
            return .json(try devices.devices(of: user, namesDevices: settings.namesDevices))
        }
        table.signed(.post, "/_matrix/federation/v1/user/keys/query") { try queryKeys($0) }
        table.signed(.post, "/_matrix/federation/v1/user/keys/claim") { try await claimKeys($0) }
    }

    /// "Must be a user local to the receiving homeserver."
    private func local(_ text: String) throws -> UserID {
        guard let user = UserID(text) else { throw Rejection.invalidParam("\(text.prefix(300)) is no user ID.") }
        guard user.isOn(environment.serverName) else {
            throw Rejection.invalidParam("\(user) is not a user of this server.")
        }
        return user
    }

    private func queryKeys(_ call: FederationCall) throws -> HTTPResponse {
        guard let wanted = try call.body().optionalObject("device_keys") else {
            throw Rejection.missingParam("device_keys is missing.")
        }
        guard wanted.count <= Self.mostUsers else { throw Rejection.tooLarge("These are too many users at once.") }
        let users = try wanted.map { name, value in
            guard let ids = value.arrayValue, ids.allSatisfy({ $0.stringValue != nil }) else {
                throw Rejection.badJSON("device_keys must have arrays of device IDs.")
            }
            return KeyQueries.Wanted(user: try local(name), deviceIDs: ids.compactMap(\.stringValue))
        }
        return .json(
            try keys.queries.query(users, asker: .none, failures: [:], namesDevices: settings.namesDevices))
    }

    private func claimKeys(_ call: FederationCall) async throws -> HTTPResponse {
        guard let wanted = try call.body().optionalObject("one_time_keys") else {
            throw Rejection.missingParam("one_time_keys is missing.")
        }
        var targets: [KeyClaimTarget] = []
        for (name, value) in wanted {
            guard let devices = value.objectValue, devices.values.allSatisfy({ $0.stringValue != nil }) else {
                throw Rejection.badJSON("one_time_keys must have objects of devices with algorithms.")
            }
            let user = try local(name)
            for (deviceID, algorithm) in devices {
                targets.append(
                    KeyClaimTarget(user: user, deviceID: deviceID, algorithm: algorithm.stringValue ?? ""))
            }
            guard targets.count <= Self.mostClaims else { throw Rejection.tooLarge("These are too many keys at once.") }
        }
        let choices = try await keys.claim(targets, by: call.origin, requestID: call.request.requestID)
        return .json(KeyClaimAnswer.render(targets, choices, failures: nil))
    }
}
