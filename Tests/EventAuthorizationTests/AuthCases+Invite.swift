import CanonicalJSON
import EventAuthorization
import EventSigning
import MatrixEvents
import RoomVersions
import Testing

/// A third-party invite for Dave with the token `t`, signed by an identity server with a real key.
struct ThirdPartyToken {
    let key = SigningKey.generate(version: "0")
    var signed: JSONObject = ["mxid": .string(TestRoom.dave), "token": "t"]

    /// The content of the invite that uses the token up.
    func content(signedBy other: SigningKey? = nil) throws -> JSONObject {
        let object = try JSONSigner.sign(object: signed, name: "id.example.org", key: other ?? key)
        return ["third_party_invite": ["display_name": "d", "signed": .object(object)]]
    }

    /// Bob's `m.room.third_party_invite`.
    func publish(in room: inout TestRoom, _ content: JSONObject? = nil) throws {
        let single: JSONObject = ["public_key": .string(key.publicKeyBase64)]
        try room.set("m.room.third_party_invite", "t", by: TestRoom.bob, content ?? single)
    }
}

extension TestRoom {
    /// An invitation of Dave by Bob with what is made of a token.
    fileprivate mutating func thirdParty(
        by sender: String = TestRoom.bob,
        _ content: (ThirdPartyToken) throws -> JSONObject = { try $0.content() },
        publishing published: ((ThirdPartyToken) throws -> JSONObject)? = nil
    ) throws -> Attempt {
        let token = ThirdPartyToken()
        try token.publish(in: &self, try published?(token))
        return try attempt("invite", of: Self.dave, by: sender, try content(token))
    }
}

extension AuthCases {
    private typealias Token = ThirdPartyToken

    static let invite: [AuthCase] = [
        accept("member.invite.sender-joined", "a member") {
            try $0.attempt("invite", of: TestRoom.dave, by: TestRoom.carol)
        },
        reject("member.invite.sender-joined", "a stranger") {
            try $0.attempt("invite", of: "@erin:example.org", by: TestRoom.dave)
        },
        reject("member.invite.sender-joined", "the creator after leaving") { room in
            try room.setMembership(TestRoom.alice, "leave")
            return try room.attempt("invite", of: TestRoom.dave, by: TestRoom.alice)
        },
        accept("member.invite.target", "who left") { room in
            try room.setMembership(TestRoom.dave, "leave")
            return try room.attempt("invite", of: TestRoom.dave, by: TestRoom.bob)
        },
        accept("member.invite.target", "who is invited already") { room in
            try room.setMembership(TestRoom.dave, "invite")
            return try room.attempt("invite", of: TestRoom.dave, by: TestRoom.bob)
        },
        accept("member.invite.target", "who knocked", in: 7...12) { room in
            try room.setMembership(TestRoom.dave, "knock")
            return try room.attempt("invite", of: TestRoom.dave, by: TestRoom.bob)
        },
        reject("member.invite.target", "a member") { try $0.attempt("invite", of: TestRoom.carol, by: TestRoom.bob) },
        reject("member.invite.target", "oneself") { try $0.attempt("invite", of: TestRoom.bob, by: TestRoom.bob) },
        reject("member.invite.target", "who is banned") { room in
            try room.setMembership(TestRoom.dave, "ban")
            return try room.attempt("invite", of: TestRoom.dave, by: TestRoom.alice)
        },
        accept("member.invite.level", "exactly the invite level") { room in
            try room.setLevels(["invite": 50])
            return try room.attempt("invite", of: TestRoom.dave, by: TestRoom.bob)
        },
        accept("member.invite.level", "no invite level") {
            try $0.attempt("invite", of: TestRoom.dave, by: TestRoom.carol)
        },
        accept("member.invite.level", "no power levels at all") { room in
            room.state.remove(type: "m.room.power_levels", stateKey: "")
            return try room.attempt("invite", of: TestRoom.dave, by: TestRoom.carol)
        },
        reject("member.invite.level", "below the invite level", by: "member.invite.otherwise") { room in
            try room.setLevels(["invite": 51])
            return try room.attempt("invite", of: TestRoom.dave, by: TestRoom.bob)
        },
        accept("member.invite.otherwise", "what a rule above allows") { room in
            try room.setLevels(["invite": 0, "events": ["m.room.member": 100]])
            return try room.attempt("invite", of: TestRoom.dave, by: TestRoom.carol)
        },
        reject("member.invite.otherwise", "a negative level") { room in
            try room.setLevels(["users_default": -1])
            return try room.attempt("invite", of: TestRoom.dave, by: TestRoom.carol)
        },
    ]

    static let thirdPartyInvite: [AuthCase] =
        [
            accept("member.invite.third-party.banned", "a stranger") { try $0.thirdParty() },
            accept("member.invite.third-party.banned", "who left") { room in
                try room.setMembership(TestRoom.dave, "leave")
                return try room.thirdParty()
            },
            reject("member.invite.third-party.banned", "who is banned") { room in
                try room.setMembership(TestRoom.dave, "ban")
                return try room.thirdParty()
            },
            accept("member.invite.third-party.signed", "a signed object") { try $0.thirdParty() },
            reject("member.invite.third-party.signed", "none") {
                try $0.thirdParty { _ in ["third_party_invite": ["display_name": "d"]] }
            },
            reject("member.invite.third-party.signed", "no object") {
                try $0.thirdParty { _ in ["third_party_invite": ["signed": "x"]] }
            },
            reject("member.invite.third-party.signed", "third_party_invite is null") {
                try $0.thirdParty { _ in ["third_party_invite": .null] }
            },
            accept("member.invite.third-party.properties", "both") { try $0.thirdParty() },
            reject("member.invite.third-party.properties", "no mxid") {
                try $0.thirdParty { token in try token.changed { $0.removeValue(forKey: "mxid") } }
            },
            reject("member.invite.third-party.properties", "no token") {
                try $0.thirdParty { token in try token.changed { $0.removeValue(forKey: "token") } }
            },
            reject("member.invite.third-party.properties", "a token that is no string") {
                try $0.thirdParty { token in try token.changed { $0["token"] = 3 } }
            },
            accept("member.invite.third-party.mxid", "the user") { try $0.thirdParty() },
            reject("member.invite.third-party.mxid", "another user") {
                try $0.thirdParty { token in try token.changed { $0["mxid"] = .string(TestRoom.carol) } }
            },
            accept("member.invite.third-party.token", "the token of the room") { try $0.thirdParty() },
            reject("member.invite.third-party.token", "another token") {
                try $0.thirdParty { token in try token.changed { $0["token"] = "u" } }
            },
            reject("member.invite.third-party.token", "no invite in the room") { room in
                try room.attempt("invite", of: TestRoom.dave, by: TestRoom.bob, Token().content())
            },
            accept("member.invite.third-party.sender", "the same") { try $0.thirdParty() },
            reject("member.invite.third-party.sender", "another") { try $0.thirdParty(by: TestRoom.alice) },
        ] + thirdPartySignatures

    private static let thirdPartySignatures: [AuthCase] = [
        accept("member.invite.third-party.signature.public-key", "signed with it") { try $0.thirdParty() },
        accept("member.invite.third-party.signature.public-key", "signed with it; nobody needs be in the room") {
            room in
            try room.setMembership(TestRoom.bob, "leave")
            return try room.thirdParty()
        },
        accept("member.invite.third-party.signature.public-key", "written in URL-safe Base64") {
            try $0.thirdParty(publishing: { ["public_key": .string(UnpaddedBase64.encodeURLSafe($0.key.publicKey))] })
        },
        reject(
            "member.invite.third-party.signature.public-key", "signed with another",
            by: "member.invite.third-party.otherwise"
        ) {
            try $0.thirdParty { try $0.content(signedBy: SigningKey.generate(version: "0")) }
        },
        reject(
            "member.invite.third-party.signature.public-key", "a key that is too short",
            by: "member.invite.third-party.otherwise"
        ) {
            try $0.thirdParty(publishing: { _ in ["public_key": "AAAA"] })
        },
        accept("member.invite.third-party.signature.public-keys", "signed with one of them") {
            try $0.thirdParty(publishing: { token in
                let keys: JSONValue = [
                    3, [:], ["public_key": 4], ["public_key": .string(token.key.publicKeyBase64)],
                ]
                return ["public_key": .string(SigningKey.generate(version: "0").publicKeyBase64), "public_keys": keys]
            })
        },
        reject(
            "member.invite.third-party.signature.public-keys", "signed with none of them",
            by: "member.invite.third-party.otherwise"
        ) {
            try $0.thirdParty(publishing: { _ in
                ["public_keys": [["public_key": .string(SigningKey.generate(version: "0").publicKeyBase64)]]]
            })
        },
        reject(
            "member.invite.third-party.signature.public-keys", "plain strings are no keys",
            by: "member.invite.third-party.otherwise"
        ) {
            try $0.thirdParty(publishing: { ["public_keys": [.string($0.key.publicKeyBase64)]] })
        },
        accept("member.invite.third-party.otherwise", "signed") { try $0.thirdParty() },
        reject("member.invite.third-party.otherwise", "not signed") {
            try $0.thirdParty { ["third_party_invite": ["signed": .object($0.signed)]] }
        },
        reject("member.invite.third-party.otherwise", "changed after it was signed") {
            try $0.thirdParty { token in
                var signed = try #require(token.content()["third_party_invite"]?["signed"]?.objectValue)
                signed["x"] = 1
                return ["third_party_invite": ["signed": .object(signed)]]
            }
        },
        reject("member.invite.third-party.otherwise", "no key in the room") {
            try $0.thirdParty(publishing: { _ in [:] })
        },
    ]
}

extension ThirdPartyToken {
    /// The content after a change of what is signed.
    fileprivate func changed(_ change: (inout JSONObject) -> Void) throws -> JSONObject {
        var copy = self
        change(&copy.signed)
        return try copy.content()
    }
}
