internal import CanonicalJSON
internal import EventSigning
internal import MatrixIdentifiers

/// Any JSON object as one to be hashed and signed; any bytes as Base64. The first byte chooses the room version.
enum ContentHashTarget {
    private static let key = try? SigningKey(seed: Array(0..<32), keyID: "ed25519:a_1")
    private static let server = ServerName("example.org")

    @Sendable static func defect(_ input: [UInt8]) -> String? {
        let (version, text) = PDUTarget.split(input)
        if UnpaddedBase64.decode(UnpaddedBase64.encode(text)) != text { return "Base64 loses bytes" }
        if UnpaddedBase64.decode(UnpaddedBase64.encodeURLSafe(text)) != text { return "URL-safe Base64 loses bytes" }
        _ = UnpaddedBase64.decode(String(decoding: text, as: UTF8.self))
        guard let key, let server else { return "no key" }
        let object: JSONObject
        do throws(JSONError) {
            guard let parsed = try JSONObject.parse(text, limits: .pdu) else { return nil }
            object = parsed
        } catch {
            return nil
        }
        _ = ContentHash.matches(object)
        do {
            var draft = object
            draft["event_id"] = "$own:example.org"
            let signed = try EventSigner.sign(draft: draft, version: version, server: server, key: key)
            if !ContentHash.matches(signed.object) { return "its own hash does not match" }
            let isValid = SignatureVerifier.verify(
                event: signed.object, server: server, keyID: key.keyID, publicKey: key.publicKey, version: version)
            if !isValid { return "its own signature is invalid" }
            let json = try JSONSigner.sign(object: object, name: "x", key: key)
            if !SignatureVerifier.verify(object: json, name: "x", keyID: key.keyID, publicKey: key.publicKey) {
                return "the signature on the object is invalid"
            }
        } catch {
            return "signing fails: \(error)"
        }
        return nil
    }
}
