import CSodium
import CanonicalJSON
import EventSigning
import MatrixEvents
import MatrixIdentifiers
import RoomVersions

/// A signed event of about 1 KB in two spellings, and what libsodium needs to verify it.
struct Sample {
    let version: RoomVersion
    let server: ServerName
    let key: SigningKey
    let eventID: EventID
    let canonical: [UInt8]
    /// Members in another order, with white space.
    let shuffled: [UInt8]
    let signedForm: [UInt8]
    private let signature: [UInt8]

    init(version: RoomVersion, server: ServerName, key: SigningKey) throws {
        let body =
            "Benchmarks are only as honest as their inputs: this line has \"quotes\", a\nbreak, an é and 日本語, and goes on "
            + "for a while, since people write whole paragraphs."
        let hash = "$acR1l0raoZnm60CBwAVgqbZqoO_mYU81xysh1u7XcJk"
        let draft: JSONObject = [
            "auth_events": [
                .string(hash), "$31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM",
                "$Rqnc-F-dvnEYJTyHq_iKxU2bZ1CI92-kuZq3a5lr5Zg",
            ],
            "content": [
                "body": .string(body), "format": "org.matrix.custom.html", "formatted_body": .string("<p>\(body)</p>"),
                "m.mentions": ["user_ids": ["@bob:example.org"]], "msgtype": "m.text",
            ],
            "depth": 4711, "origin_server_ts": 1_712_345_678_901, "prev_events": [.string(hash)],
            "room_id": version.roomIDIsCreateHash
                ? "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM" : "!opaque123456789:example.org",
            "sender": "@alice:example.org", "type": "m.room.message",
        ]
        let signed = try EventSigner.sign(draft: draft, version: version, server: server, key: key)
        self.version = version
        self.server = server
        self.key = key
        eventID = signed.eventID
        canonical = signed.bytes
        let members = signed.object.map { ($0.key, $0.value) }
        let moved = members.dropFirst(4).reversed() + members.prefix(4)
        let text = moved.map { JSONValue.string($0.0).description + ": " + $0.1.description }.joined(separator: ", ")
        shuffled = Array("{\(text)}".utf8)
        var redacted = Redaction.redacted(signed.object, version: version)
        redacted["signatures"] = nil
        signedForm = redacted.canonicalBytes()
        let claimed = signed.object["signatures"]?[server.rawValue]?[key.keyID]?.stringValue ?? ""
        signature = UnpaddedBase64.decode(claimed) ?? []
    }

    /// The bare verification and the bare hash; 1 when the signature is valid.
    func libsodium() -> Int {
        var digest: [UInt8] = Array(repeating: 0, count: 32)
        _ = crypto_hash_sha256(&digest, canonical, UInt64(canonical.count))
        let result = crypto_sign_ed25519_verify_detached(
            signature, signedForm, UInt64(signedForm.count), key.publicKey)
        return result == 0 && digest[0] < 255 ? 1 : 0
    }
}
