package import Decisions
package import EventSigning
package import InboundPDU
import MatrixEvents
package import MatrixIdentifiers
package import RoomVersions

/// Says what the signatures on events are worth.
package protocol EventSignatures: Sendable {
    func outcome(of event: HeldPDU, version: RoomVersion) async throws -> SignatureOutcome
}

/// Where the public keys of servers come from.
package protocol ServerKeySource: Sendable {
    /// The key with which a server signed an event of a room version at a time; nil when it cannot be had, or was not valid
    /// then.
    func publicKey(
        of server: ServerName, keyID: String, atMs: Int64, version: RoomVersion
    ) async throws -> [UInt8]?
}

/// Checks signatures with the keys of the servers that made them.
package struct KeyedSignatures: EventSignatures {
    private let keys: any ServerKeySource
    private let own: (server: ServerName, key: SigningKey)
    /// How many keys of one server are tried for one event.
    private static let mostKeys = 4

    package init(keys: any ServerKeySource, server: ServerName, signingKey: SigningKey) {
        self.keys = keys
        own = (server, signingKey)
    }

    package func outcome(of event: HeldPDU, version: RoomVersion) async throws -> SignatureOutcome {
        for server in RequiredSignatures.servers(for: event.pdu, eventID: event.eventID, version: version) {
            guard try await isSigned(event, by: server, version) else { return SignatureOutcome(isValid: false) }
        }
        guard let authoriser = RequiredSignatures.authoriser(of: event.pdu, version: version) else { return .valid }
        let isAuthorised = try await isSigned(event, by: authoriser, version)
        return SignatureOutcome(isValid: true, isSignedByAuthoriser: isAuthorised)
    }

    private func isSigned(_ event: HeldPDU, by server: ServerName, _ version: RoomVersion) async throws -> Bool {
        let object = event.pdu.object
        for keyID in SignatureVerifier.keyIDs(in: object, name: server.rawValue).prefix(Self.mostKeys) {
            let key: [UInt8]?
            if server == own.server, keyID == own.key.keyID {
                key = own.key.publicKey
            } else {
                key = try await keys.publicKey(
                    of: server, keyID: keyID, atMs: event.pdu.originServerTS, version: version)
            }
            guard let key else { continue }
            let isSigned = SignatureVerifier.verify(
                event: object, server: server, keyID: keyID, publicKey: key, version: version)
            if isSigned { return true }
        }
        return false
    }
}
