import CanonicalJSON
import EventAuthorization
import EventSigning
import MatrixEvents
import RoomVersions
import Testing

@Suite struct ThirdPartyInviteRulesTests {
    private typealias Room = TestRoom

    private let key = SigningKey.generate(version: "0")
    private let otherKey = SigningKey.generate(version: "0")

    private func signed(_ object: JSONObject, by key: SigningKey) throws -> JSONObject {
        let signed = try JSONSigner.sign(object: object, name: "id.example.org", key: key)
        return ["third_party_invite": ["display_name": "d", "signed": .object(signed)]]
    }

    @Test func everyRule() throws {
        for (version, rule) in [(RoomVersion.v1, "5.3.1"), (.v7, "4.3.1"), (.v11, "4.4.1"), (.v12, "5.4.1")] {
            var room = try Room(version)
            func verdict(_ content: JSONObject, by sender: String = Room.bob) throws -> String? {
                try room.verdict("invite", of: Room.dave, by: sender, content)
            }
            let token: JSONObject = ["mxid": .string(Room.dave), "token": "t"]
            let good = try signed(token, by: key)
            #expect(try verdict(good) == "\(rule).5")
            try room.set("m.room.third_party_invite", "t", by: Room.bob, ["public_key": .string(key.publicKeyBase64)])
            #expect(try verdict(good) == nil)
            #expect(try verdict(good, by: Room.alice) == "\(rule).6")
            #expect(try verdict(signed(token, by: otherKey)) == "\(rule).8")
            #expect(try verdict(["third_party_invite": ["signed": .object(token)]]) == "\(rule).8")
            for none in [JSONValue.null, 3, [:], ["signed": 3]] {
                #expect(try verdict(["third_party_invite": none]) == "\(rule).2")
            }
            #expect(try verdict(signed(["token": "t"], by: key)) == "\(rule).3")
            #expect(try verdict(signed(["mxid": .string(Room.dave)], by: key)) == "\(rule).3")
            #expect(try verdict(signed(["mxid": .string(Room.carol), "token": "t"], by: key)) == "\(rule).4")
            try room.setMembership(Room.dave, "ban")
            #expect(try verdict(good) == "\(rule).1")
        }
    }

    @Test func anyKeyOfTheListCounts() throws {
        var room = try Room(.v12)
        let content = try signed(["mxid": .string(Room.dave), "token": "t"], by: key)
        let keys: JSONValue = [
            3, ["public_key": 4], ["public_key": "AAAA"], ["public_key": .string(key.publicKeyBase64)],
        ]
        try room.set(
            "m.room.third_party_invite", "t", by: Room.bob,
            ["public_key": .string(otherKey.publicKeyBase64), "public_keys": keys])
        #expect(try room.verdict("invite", of: Room.dave, by: Room.bob, content) == nil)
        // Identity servers also write keys in URL-safe Base64.
        let urlSafe = UnpaddedBase64.encodeURLSafe(key.publicKey)
        try room.set("m.room.third_party_invite", "t", by: Room.bob, ["public_key": .string(urlSafe)])
        #expect(try room.verdict("invite", of: Room.dave, by: Room.bob, content) == nil)
    }
}
