import CanonicalJSON
import CommandHandling
import EventSigning
import HTTPFront
import Queries

/// Credentials for a TURN server.
package struct TURNSettings: Sendable {
    /// `turn_uris`.
    package var uris: [String] = []
    /// `turn_shared_secret`: makes credentials that end, as coturn's `use-auth-secret` wants them.
    package var sharedSecret: String?
    /// `turn_username` and `turn_password`, used without a shared secret.
    package var username: String?
    package var password: String?
    /// `turn_user_lifetime`, in milliseconds.
    package var lifetimeMs: Int64 = 3_600_000
    /// `turn_allow_guests`.
    package var guestsAllowed = true

    package init() {}
}

/// `/voip/turnServer`.
extension ClientAPI {
    func addCalls(to table: inout EndpointTable) {
        table.read("/voip/turnServer", .guest) { call in
            let turn = settings.turn
            // A server without a TURN server answers an empty object, as every other one does.
            guard !turn.uris.isEmpty, try turn.guestsAllowed || !call.identity.isGuest else { return .emptyObject }
            let username: String
            let password: String
            if let secret = turn.sharedSecret {
                // coturn's REST API: the name is the time at which it ends, and the password the name's HMAC of 20 bytes, in
                // Base64 with its one character of padding.
                let expiry = (call.nowMs &+ turn.lifetimeMs) / 1000
                username = "\(expiry):\(try call.userID)"
                password =
                    UnpaddedBase64.encode(
                        SHA1.authenticationCode(of: Array(username.utf8), key: Array(secret.utf8))) + "="
            } else if let name = turn.username, let fixed = turn.password {
                (username, password) = (name, fixed)
            } else {
                return .emptyObject
            }
            return .json([
                "username": .string(username), "password": .string(password),
                "ttl": .integer(turn.lifetimeMs / 1000), "uris": .array(turn.uris.map(JSONValue.string)),
            ])
        }
    }
}
