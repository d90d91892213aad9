package import CanonicalJSON
internal import EventSigning
package import MatrixEvents
package import MatrixIdentifiers
package import RoomVersions

/// The policy server that a room uses, as its `m.room.policy` names it.
///
/// "The Policy Server's recommendation does *not* affect the authorization rules for an event, but does affect whether
/// homeservers soft fail or refuse to actually go forward with sending an event."
package struct PolicyServer: Sendable, Hashable {
    /// "The Key ID for the `ed25519` key in `m.room.policy` is *always* `ed25519:policy_server`."
    package static let keyID = "ed25519:policy_server"

    package let server: ServerName
    package let publicKey: [UInt8]

    /// Reads the content of the state event with an empty state key; nil when no policy server is used.
    ///
    /// - Parameter hasMember: whether the server has at least one joined user in the room. "The user does not need any special
    ///   permissions or power levels in the room."
    package init?(content: JSONObject, hasMember: (ServerName) throws -> Bool) rethrows {
        // "A string value for `via`. An object value for `public_keys` containing at least a string value for `ed25519`."
        guard let server = content["via"]?.stringValue.flatMap({ ServerName($0) }),
            let key = content["public_keys"]?["ed25519"]?.stringValue.flatMap(UnpaddedBase64.decode),
            try hasMember(server)
        else { return nil }
        self.server = server
        publicKey = key
    }

    /// Whether the server is asked about an event.
    ///
    /// "the Policy Server is not asked to sign `m.room.policy` state events with empty string `state_key`s".
    package static func isAsked(about pdu: PDU) -> Bool {
        !(pdu.type.hasSameBytes(as: "m.room.policy") && pdu.stateKey?.isEmpty == true)
    }

    /// Whether the event may go forward without asking: it carries the policy server's valid signature, or needs none.
    package func recommends(_ pdu: PDU, version: RoomVersion) -> Bool {
        guard Self.isAsked(about: pdu) else { return true }
        return SignatureVerifier.verify(
            event: pdu.object, server: server, keyID: Self.keyID, publicKey: publicKey, version: version)
    }
}
