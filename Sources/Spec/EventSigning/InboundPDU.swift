package import CanonicalJSON
package import MatrixEvents
package import MatrixIdentifiers
package import RoomVersions

/// A PDU from another server, read once: the event, its ID, and what its hash and signatures cover.
///
/// Whoever receives events checks in the specification's order: the format (this initialiser throws), the signatures
/// (``isSigned(by:keyID:publicKey:)``, without which the event is dropped), the content hash (``contentHashMatches``,
/// without which only ``redacted()`` is kept).
package struct InboundPDU: Sendable {
    package let pdu: PDU
    package let eventID: EventID
    /// "If the hash check fails, then it is assumed that this is because we have only been given a redacted version of the
    /// event. To enforce this, the receiving server should use the redacted copy it calculated".
    package let contentHashMatches: Bool
    /// The redacted event without `signatures` and `unsigned`: what the signatures and the ID cover.
    private let signedForm: [UInt8]
    private let version: RoomVersion

    /// Reads one PDU in any spelling.
    package init(parsing bytes: [UInt8], version: RoomVersion) throws(PDUError) {
        let document: JSONDocument
        do throws(JSONError) {
            document = try JSONDocument(parsing: bytes, limits: version.strictCanonicalJSON ? .pdu : .historicalPDU)
        } catch {
            throw .notJSON(error.message)
        }
        try self.init(view: document.root, version: version)
    }

    /// Reads one PDU out of a larger text, such as the body of a transaction.
    package init(view: JSONView, version: RoomVersion) throws(PDUError) {
        guard var object = view.toObject() else { throw .notAnObject }
        object.removeValue(forKey: "unsigned")
        let pdu = try PDU(object: object, bytes: view.canonicalBytes(omitting: ["unsigned"]), version: version)
        let signedForm = SignedForm.bytes(of: object, version: version)
        do throws(SigningError) {
            eventID = try ReferenceHash.eventID(of: object, signedForm: signedForm, version: version)
        } catch {
            throw .invalidIdentifier("event_id")
        }
        self.pdu = pdu
        self.signedForm = signedForm
        self.version = version
        contentHashMatches = ContentHash.matches(view, claimed: object["hashes"]?["sha256"]?.stringValue)
    }

    /// Whether a server signed the event with this key.
    package func isSigned(by server: ServerName, keyID: String, publicKey: [UInt8]) -> Bool {
        guard let signature = SignatureVerifier.signature(in: pdu.object, name: server.rawValue, keyID: keyID) else {
            return false
        }
        return SignatureVerifier.verify(signature: signature, message: signedForm, publicKey: publicKey)
    }

    /// The IDs of the keys with which a server says that it signed.
    package func keyIDs(of server: ServerName) -> [String] {
        SignatureVerifier.keyIDs(in: pdu.object, name: server.rawValue)
    }

    /// The event as it is kept when its content hash does not match: "Passes hash checks, otherwise it is redacted before
    /// being processed further."
    package func redacted() throws(PDUError) -> PDU {
        try PDU(object: Redaction.redacted(pdu.object, version: version), version: version)
    }
}
