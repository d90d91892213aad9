import CanonicalJSON
import EventSigning
import MatrixIdentifiers
import RoomVersions
import Testing

/// "Cryptographic Test Vectors" of the specification's appendices.
@Suite struct SigningVectorTests {
    static let seed = "YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1"

    static func key() throws -> SigningKey {
        try SigningKey(seed: #require(UnpaddedBase64.decode(seed)), keyID: "ed25519:1")
    }

    static func object(_ text: String) throws -> JSONObject {
        try #require(try JSONObject.parse(Array(text.utf8), limits: .pdu))
    }

    @Test(arguments: [
        ("{}", "K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ"),
        (
            #"{"one": 1, "two": "Two"}"#,
            "KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw"
        ),
    ])
    func jsonSigning(text: String, signature: String) throws {
        let key = try Self.key()
        let object = try Self.object(text)
        let signed = try JSONSigner.sign(object: object, name: "domain", key: key)
        var expected = object
        expected["signatures"] = ["domain": ["ed25519:1": .string(signature)]]
        #expect(signed == expected)
        #expect(
            SignatureVerifier.verify(object: signed, name: "domain", keyID: "ed25519:1", publicKey: key.publicKey))
    }

    @Test func minimalEvent() throws {
        let draft = try Self.object(
            """
            {"room_id": "!x:domain", "sender": "@a:domain", "origin": "domain", "origin_server_ts": 1000000,
            "signatures": {}, "hashes": {}, "type": "X", "content": {}, "prev_events": [], "auth_events": [],
            "depth": 3, "unsigned": {"age_ts": 1000000}}
            """)
        let signature = "KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg"
        try expect(draft, hash: "5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos", signature: signature)
    }

    @Test func eventWithRedactableContent() throws {
        let draft = try Self.object(
            """
            {"content": {"body": "Here is the message content"}, "event_id": "$0:domain", "origin": "domain",
            "origin_server_ts": 1000000, "type": "m.room.message", "room_id": "!r:domain", "sender": "@u:domain",
            "signatures": {}, "unsigned": {"age_ts": 1000000}}
            """)
        let signature = "Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA"
        try expect(draft, hash: "onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g", signature: signature)
    }

    private func expect(_ draft: JSONObject, hash: String, signature: String) throws {
        let key = try Self.key()
        let server = try ServerName(parsing: "domain")
        // The vectors protect `origin`, as the versions before v11 do.
        let version = draft.contains("event_id") ? RoomVersion.v1 : .v4
        let signed = try EventSigner.sign(draft: draft, version: version, server: server, key: key)
        var expected = draft
        expected["unsigned"] = nil
        expected["hashes"] = ["sha256": .string(hash)]
        expected["signatures"] = ["domain": ["ed25519:1": .string(signature)]]
        #expect(signed.object == expected)
        #expect(signed.bytes == expected.canonicalBytes())
        #expect(
            SignatureVerifier.verify(
                event: signed.object, server: server, keyID: "ed25519:1", publicKey: key.publicKey, version: version))
        #expect(ContentHash.matches(signed.object))
    }
}
