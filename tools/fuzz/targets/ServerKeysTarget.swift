internal import CanonicalJSON
internal import EventSigning
internal import MatrixEvents

/// The document of a server's keys.
enum ServerKeysTarget {
    @Sendable static func defect(_ input: [UInt8]) -> String? {
        guard let document = document(input) else { return nil }
        let ids = document.keys.map(\.id)
        if Set(ids).count != ids.count { return "a key twice" }
        if document.keys.contains(where: { !$0.id.hasPrefix("ed25519:") }) { return "a key of another algorithm" }
        guard let proven = document.provenKeys else { return nil }
        guard proven.contains(where: { $0.expired == nil }) else { return "believed without a signature" }
        // A document that is believed is believed again as it is stored.
        guard let again = Self.document(document.object.canonicalBytes()), again == document else {
            return "another after it was stored"
        }
        return again.provenKeys == proven ? nil : "other keys after it was stored"
    }

    private static func document(_ bytes: [UInt8]) -> ServerKeyDocument? {
        do throws(JSONError) {
            let limits = JSONLimits(maxDepth: 20, maxBytes: 1 << 20, maxValues: 100_000, numbers: .historical)
            return try JSONObject.parse(bytes, limits: limits).flatMap { ServerKeyDocument($0) }
        } catch {
            return nil
        }
    }
}
