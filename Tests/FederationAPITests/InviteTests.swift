import CanonicalJSON
import CommandHandling
import Decisions
import EventSigning
import FederationCommands
import HTTPFront
import LogEvents
import MatrixIdentifiers
import Queries
import ReadModel
import RoomVersions
import Synchronization
import Testing

@Suite struct InviteTests {
    /// A room of another server as far as an invitation needs it: its create event and an invitation, signed.
    private struct Elsewhere {
        let room: RoomID
        let create: JSONObject
        let server: OtherServer
        let version: RoomVersion

        init(_ id: String, on name: String = "there") throws {
            version = try #require(RoomVersion.named(id))
            server = try OtherServer(name)
            let host = try ServerName(parsing: name)
            var event: JSONObject = [
                "type": "m.room.create", "state_key": "", "sender": .string("@owner:\(name)"), "depth": 1,
                "origin_server_ts": 1, "prev_events": [], "auth_events": [],
                "content": ["room_version": .string(id), "creator": .string("@owner:\(name)")],
            ]
            if !version.roomIDIsCreateHash { event["room_id"] = .string("!room:\(name)") }
            if version.eventIDFormat == .opaque { event["event_id"] = .string("$create:\(name)") }
            let signed = try EventSigner.sign(draft: event, version: version, server: host, key: server.key)
            create = signed.object
            room =
                version.roomIDIsCreateHash
                ? RoomID(createEventID: signed.eventID) : try RoomID(parsing: "!room:\(name)")
        }

        func invitation(_ change: (inout JSONObject) -> Void = { _ in }) throws -> SignedEvent {
            var event: JSONObject = [
                "type": "m.room.member", "state_key": "@alice:here", "sender": .string("@owner:\(server.name)"),
                "depth": 5, "origin_server_ts": 2, "auth_events": [], "room_id": .string(room.rawValue),
                "content": ["membership": "invite"],
                "prev_events": version.eventIDFormat == .opaque ? [["$p:there", ["sha256": "x"]]] : ["$p"],
            ]
            if version.eventIDFormat == .opaque { event["event_id"] = .string("$invite:\(server.name)") }
            change(&event)
            return try EventSigner.sign(
                draft: event, version: version, server: try ServerName(parsing: server.name), key: server.key)
        }

        func body(_ event: JSONObject, state: [JSONValue]? = nil) -> JSONValue {
            [
                "room_version": .string(version.id), "event": .object(event),
                "invite_room_state": .array(state ?? [.object(create)]),
            ]
        }

        func path(_ version: String = "v2") -> String { "/_matrix/federation/\(version)/invite/\(room)/$x" }
    }

    private func verify(_ event: JSONValue?, _ version: RoomVersion) throws {
        let own = try OtherServer.key(of: "here")
        #expect(
            SignatureVerifier.verify(
                event: try #require(event?.objectValue), server: try ServerName(parsing: "here"), keyID: own.keyID,
                publicKey: own.publicKey, version: version))
    }

    @Test(arguments: ["1", "3", "6", "11", "12"])
    func invitationsAreSignedAndTaken(_ id: String) async throws {
        let server = try ResidentServer()
        _ = try await server.user("alice")
        let elsewhere = try Elsewhere(id)
        let event = try elsewhere.invitation()
        let answer = try await server.call(.put, elsewhere.path(), elsewhere.body(event.object))
        #expect(answer.status == 200, "\(answer.json)")
        try verify(answer["event"], elsewhere.version)
        var rest = try #require(answer["event"]?.objectValue)
        var before = event.object
        rest["signatures"] = nil
        before["signatures"] = nil
        #expect(rest == before)
        let taken = server.intake.taken.withLock { $0 }
        #expect(taken.count == 1 && taken.first?.room == elsewhere.room && taken.first?.user.rawValue == "@alice:here")
        #expect(taken.first?.event.eventID == event.eventID)
        #expect(taken.first?.roomState.first?.keys == ["content", "sender", "state_key", "type"])
    }

    @Test func theFirstVersionIsAnswered() async throws {
        let server = try ResidentServer()
        _ = try await server.user("alice")
        let elsewhere = try Elsewhere("2")
        var event = try elsewhere.invitation().object
        event["unsigned"] = ["invite_room_state": [.object(elsewhere.create)]]
        let answer = try await server.call(.put, elsewhere.path("v1"), .object(event))
        #expect(answer.status == 200 && answer.json.arrayValue?.first == 200, "\(answer.json)")
        try verify(answer.json.arrayValue?.last?["event"], elsewhere.version)
        #expect(server.intake.taken.withLock { $0.first?.roomState.count } == 1)
    }

    @Test func whatIsNoInvitationIsNotSigned() async throws {
        let server = try ResidentServer()
        _ = try await server.user("alice")
        let elsewhere = try Elsewhere("12")
        let changes: [(String, (inout JSONObject) -> Void)] = [
            ("type", { $0["type"] = "m.room.message" }),
            ("membership", { $0["content"] = ["membership": "join"] }),
            ("sender", { $0["sender"] = "@x:elsewhere" }),
            ("state_key", { $0["state_key"] = "@alice:elsewhere" }),
            ("state_key", { $0["state_key"] = "alice" }),
            ("room", { $0["room_id"] = "!other" }),
            ("format", { $0["auth_events"] = "none" }),
        ]
        for (what, change) in changes {
            let event = try elsewhere.invitation(change)
            let answer = try await server.call(.put, elsewhere.path(), elsewhere.body(event.object))
            #expect(answer.status == 400 && answer.errcode == "M_INVALID_PARAM", "\(what): \(answer.json)")
        }
        var unsigned = try elsewhere.invitation().object
        unsigned["signatures"] = ["there": ["ed25519:k1": "AAAA"]]
        let answer = try await server.call(.put, elsewhere.path(), elsewhere.body(unsigned))
        #expect(answer.status == 400 && answer.errcode == "M_INVALID_PARAM")
        let event = try elsewhere.invitation().object
        var later = try #require(elsewhere.body(event).objectValue)
        later["room_version"] = "99"
        let version = try await server.call(.put, elsewhere.path(), .object(later))
        #expect(version.errcode == "M_INCOMPATIBLE_ROOM_VERSION" && version["room_version"] == "99")
        #expect(try await server.call(.put, elsewhere.path(), ["event": .object(event)]).errcode == "M_MISSING_PARAM")
        #expect(server.intake.taken.withLock { $0.isEmpty })
    }

    /// "The `invite_room_state` has additional validation, which servers […] SHOULD apply to all other room versions."
    @Test func theStateOfTheRoomIsChecked() async throws {
        let server = try ResidentServer()
        _ = try await server.user("alice")
        let elsewhere = try Elsewhere("12")
        let event = try elsewhere.invitation().object
        var unsigned = elsewhere.create
        unsigned["signatures"] = [:]
        let other = try Elsewhere("12", on: "other")
        let stripped = elsewhere.create.filter { key, _ in ["content", "sender", "state_key", "type"].contains(key) }
        for state in [[], [.object(unsigned)], [.object(other.create)], [.object(stripped)], [5]] as [[JSONValue]] {
            let answer = try await server.call(.put, elsewhere.path(), elsewhere.body(event, state: state))
            #expect(answer.status == 400 && answer.errcode == "M_INVALID_PARAM", "\(state) \(answer.json)")
        }
        let many = [JSONValue](repeating: .object(elsewhere.create), count: 51)
        let full = try await server.call(.put, elsewhere.path(), elsewhere.body(event, state: many))
        #expect(full.status == 413)
        #expect(server.intake.taken.withLock { $0.isEmpty })
        // Versions before take what older servers send.
        let before = try Elsewhere("10")
        let answer = try await server.call(
            .put, before.path(), before.body(try before.invitation().object, state: [.object(stripped)]))
        #expect(answer.status == 200, "\(answer.json)")
    }

    @Test func usersWhoCannotBeInvited() async throws {
        let server = try ResidentServer()
        let alice = try await server.user("alice")
        let elsewhere = try Elsewhere("11")
        let nobody = try elsewhere.invitation { $0["state_key"] = "@nobody:here" }
        let missing = try await server.call(.put, elsewhere.path(), elsewhere.body(nobody.object))
        #expect(missing.status == 404 && missing.errcode == "M_NOT_FOUND")
        let accounts = AccountCommands(
            environment: server.environment, settings: AccountSettings(), hashing: PasswordHashing())
        try await accounts.setAccountData(
            type: "m.invite_permission_config", room: nil, content: ["default_action": "block"], caller: alice)
        let event = try elsewhere.invitation()
        let blocked = try await server.call(.put, elsewhere.path(), elsewhere.body(event.object))
        #expect(blocked.status == 403 && blocked.errcode == "M_INVITE_BLOCKED", "\(blocked.json)")
        #expect(server.intake.taken.withLock { $0.isEmpty })
    }

    /// The invited user's server asks the inviting one to make an invitation of a token; both sign it.
    @Test func thirdPartyInvitesAreExchanged() async throws {
        let server = try ResidentServer()
        let other = try ResidentServer("there")
        server.wire.servers.withLock { $0[other.name] = (other, "here") }
        _ = try await other.user("bob")
        let alice = try await server.user("alice")
        let room = try await server.room(of: alice, version: "11", rule: "invite")
        let identity = try SigningKey(seed: [UInt8](repeating: 3, count: 32), keyID: "ed25519:0")
        let publicKey = JSONValue.string(UnpaddedBase64.encode(identity.publicKey))
        try await server.set(
            "m.room.third_party_invite", "token",
            [
                "display_name": "b...", "public_key": publicKey, "key_validity_url": "https://id.example/valid",
                "public_keys": [["public_key": publicKey]],
            ], in: room, alice)
        var signed = try JSONSigner.sign(
            object: ["mxid": "@bob:there", "token": "token"], name: "id.example", key: identity)
        var event: JSONObject = [
            "type": "m.room.member", "room_id": .string(room.rawValue), "sender": "@alice:here",
            "state_key": "@bob:there",
            "content": [
                "membership": "invite", "third_party_invite": ["display_name": "other", "signed": .object(signed)],
            ],
        ]
        let path = "/exchange_third_party_invite/\(room)"
        let answer = try await server.call(.put, path, .object(event))
        #expect(answer.status == 200 && answer.json == [:], "\(answer.json)")
        let stored = try #require(
            try RoomQueries(views: server.views).currentState(
                room, type: "m.room.member", stateKey: "@bob:there"))
        #expect(stored.fields.membership == .invite)
        #expect(try stored.content()["third_party_invite"]?["display_name"] == "b...")
        #expect(other.intake.taken.withLock { $0.map(\.event.eventID) } == [stored.eventID])
        let given = try await server.call(.get, "/event/\(stored.eventID)")
        #expect(given["pdus"]?.arrayValue?.first?["signatures"]?["there"] != nil)
        // What the identity server did not sign is no invitation.
        signed["mxid"] = "@eve:there"
        event["state_key"] = "@eve:there"
        event["content"] = ["membership": "invite", "third_party_invite": ["signed": .object(signed)]]
        #expect(try await server.call(.put, path, .object(event)).errcode == "M_FORBIDDEN")
        for (member, value) in [
            ("type", "m.room.message"), ("room_id", "!x:here"), ("sender", "@x:there"), ("state_key", "@x:here"),
            ("content", [:]),
        ] as [(String, JSONValue)] {
            var wrong = event
            wrong[member] = value
            let refused = try await server.call(.put, path, .object(wrong))
            #expect(refused.status == 400 && refused.errcode == "M_INVALID_PARAM", "\(member) \(refused.json)")
        }
    }
}
