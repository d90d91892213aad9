package import CanonicalJSON
import Decisions
import EventLog
import LogEvents
import MatrixIdentifiers

extension PushCommands {
    /// "If `kind` is not `null`, the pusher with this `app_id` and `pushkey` for this user is updated, or it is created if it
    /// doesn't exist. If `kind` is `null`, the pusher with this `app_id` and `pushkey` for this user is deleted."
    ///
    /// - Parameter allowsHTTP: whether a gateway may be spoken to without encryption.
    package func setPusher(_ body: JSONObject, allowsHTTP: Bool, caller: Caller) async throws {
        let request = PusherRequest(body)
        let appID = try request.appID
        let pushKey = try request.pushKey
        guard let kind = try request.kind else {
            return try await removePusher(appID: appID, pushKey: pushKey, reason: "client", caller: caller)
        }
        // This server sends no mail.
        guard kind == "http" else { throw Rejection.invalidParam("The kind of a pusher must be http or null.") }
        let fact = PusherSet(
            userID: caller.userID.rawValue, deviceID: caller.deviceID, appID: appID, pushKey: pushKey,
            isAppended: try request.isAppended, pusher: try request.pusher(allowsHTTP: allowsHTTP))
        try await append(fact, caller: caller)
    }

    /// Ends a pusher of the caller's, because they or the gateway said so.
    package func removePusher(appID: String, pushKey: String, reason: String, caller: Caller) async throws {
        let fact = PusherRemoved(
            userID: caller.userID.rawValue, appID: appID, pushKey: pushKey, reason: reason)
        try await append(fact, caller: caller)
    }
}
