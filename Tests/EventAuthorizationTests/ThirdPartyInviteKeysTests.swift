import CanonicalJSON
import EventAuthorization
import EventSigning
import Testing

@Suite struct ThirdPartyInviteKeysTests {
    @Test func singleAndListedKeysAreRead() {
        let keys = ThirdPartyInviteKeys(content: [
            "public_key": "AAAA", "key_validity_url": "https://id/a",
            "public_keys": [
                ["public_key": "AQ", "key_validity_url": "https://id/b"], ["public_key": "Ag"], 3, [:], "Aw",
            ],
        ])
        #expect(keys.keys.map(\.publicKey) == [[0, 0, 0], [1], [2]])
        #expect(keys.keys.map(\.validityURL) == ["https://id/a", "https://id/b", nil])
    }

    @Test(arguments: [[:], ["public_key": 3, "public_keys": "x"], ["public_key": "not base64!"]] as [JSONObject])
    func whatIsNoKeyIsLeftOut(content: JSONObject) throws {
        let keys = ThirdPartyInviteKeys(content: content)
        #expect(keys.keys.isEmpty)
        let signed = try JSONSigner.sign(object: ["token": "t"], name: "id", key: .generate(version: "0"))
        #expect(!keys.signed(signed))
    }

    @Test func aSignatureOfAnyKeyCounts() throws {
        let key = SigningKey.generate(version: "0")
        let signed = try JSONSigner.sign(object: ["mxid": "@a:b", "token": "t"], name: "id", key: key)
        let keys = ThirdPartyInviteKeys(content: [
            "public_key": "AAAA", "public_keys": [["public_key": .string(key.publicKeyBase64)]],
        ])
        #expect(keys.signed(signed))
        #expect(!keys.signed(signed.merging(["token": "u"])))
    }
}
