import CanonicalJSON
import CommandHandling
import EventSigning
import FederationCommands
import HTTPFront
import MatrixEvents
import MatrixIdentifiers
import Queries
import RoomVersions
import Testing

@testable import FederationAPI

@Suite struct JoinTests {
    /// The ID of an event as it came over the wire.
    private func id(of event: JSONValue, _ version: RoomVersion) throws -> String {
        try ReferenceHash.eventID(of: try #require(event.objectValue), version: version).rawValue
    }

    @Test(arguments: ["1", "2", "3", "4", "6", "8", "10", "11", "12"])
    func joins(_ id: String) async throws {
        let version = try #require(RoomVersion.named(id))
        let server = try ResidentServer()
        let alice = try await server.user("alice")
        let room = try await server.room(of: alice, version: id)
        let made = try await server.call(.get, "/make_join/\(room)/@bob:there?ver=\(id)")
        #expect(made.status == 200, "\(made.json)")
        #expect(made["room_version"]?.stringValue == id)
        let event = try #require(made["event"])
        #expect(
            event["type"] == "m.room.member" && event["sender"] == "@bob:there" && event["state_key"] == "@bob:there")
        #expect(event["content"] == ["membership": "join"] && event["origin"] == "here")
        #expect(event["room_id"]?.stringValue == room.rawValue)
        #expect(event["hashes"] == nil && event["signatures"] == nil && event["event_id"] == nil)
        let signed = try OtherServer("there").sign(made)
        let target = "/_matrix/federation/v2/send_join/\(room)/\(signed.eventID.inPath)"
        let sent = try await server.call(.put, target, .object(signed.object))
        #expect(sent.status == 200, "\(sent.json)")
        try checkAnswer(sent, signed, version)
        let member = try RoomQueries(views: server.views).currentState(
            room, type: "m.room.member", stateKey: "@bob:there")
        #expect(member?.eventID == signed.eventID)
        // Sent again, it is known, and answered as before.
        let again = try await server.call(.put, target, .object(signed.object))
        #expect(again.status == 200)
        #expect(again["state"] == sent["state"] && again["auth_chain"] == sent["auth_chain"])
    }

    private func checkAnswer(
        _ sent: ResidentServer.Answer, _ signed: SignedEvent, _ version: RoomVersion
    ) throws {
        let state = try #require(sent["state"]?.arrayValue)
        let chain = try #require(sent["auth_chain"]?.arrayValue)
        let types = state.compactMap { $0["type"]?.stringValue }
        #expect(types.contains("m.room.create") && types.contains("m.room.power_levels"))
        #expect(types.filter { $0 == "m.room.member" }.count == 1)
        // "auth_chain: All events in the auth chain for the new join event, as well as those in the auth chains for any
        // events returned in `state`": nothing that is named is missing.
        let known = Set(try (state + chain).map { try id(of: $0, version) })
        let inChain = Set(try chain.map { try id(of: $0, version) })
        #expect(inChain.count == chain.count)
        let join = try PDU(object: signed.object, version: version)
        for named in join.authEvents { #expect(inChain.contains(named.rawValue)) }
        for event in state + chain {
            let pdu = try PDU(object: try #require(event.objectValue), version: version)
            for named in pdu.authEvents { #expect(inChain.contains(named.rawValue)) }
            #expect(ContentHash.matches(pdu.object))
        }
        #expect(!known.contains(signed.eventID.rawValue))
        #expect(sent["origin"] == "here" && sent["members_omitted"] == false)
        // "a signature from the resident server"
        let returned = try #require(sent["event"]?.objectValue)
        #expect(try id(of: .object(returned), version) == signed.eventID.rawValue)
        let own = try OtherServer.key(of: "here")
        #expect(
            SignatureVerifier.verify(
                event: returned, server: try ServerName(parsing: "here"), keyID: own.keyID, publicKey: own.publicKey,
                version: version))
    }

    @Test func omitsMembers() async throws {
        let server = try ResidentServer()
        let alice = try await server.user("alice")
        let room = try await server.room(of: alice)
        for index in 0..<8 { try await server.join("@u\(index):s\(index % 3)", to: room) }
        let nameless = try await server.join("@bob:there", to: room, omittingMembers: true).answer
        #expect(nameless["members_omitted"] == true)
        let state = try #require(nameless["state"]?.arrayValue)
        // "the resident server should determine the room members who would be included in the `m.heroes` property".
        let heroes = state.filter { $0["type"] == "m.room.member" }.compactMap { $0["state_key"]?.stringValue }
        #expect(Set(heroes) == ["@alice:here", "@u0:s0", "@u1:s1", "@u2:s2", "@u3:s0"])
        let servers = nameless["servers_in_room"]?.arrayValue?.compactMap(\.stringValue) ?? []
        #expect(Set(servers) == ["here", "s0", "s1", "s2"] && servers.count == 4)
        let chain = try #require(nameless["auth_chain"]?.arrayValue)
        #expect(!chain.contains { state.contains($0) })
        try await server.set("m.room.name", "", ["name": "Room"], in: room, alice)
        let named = try await server.join("@carol:there", to: room, omittingMembers: true).answer
        #expect(named["state"]?.arrayValue?.contains { $0["type"] == "m.room.member" } == false)
        #expect(named["servers_in_room"]?.arrayValue?.contains("there") == true)
    }

    @Test func templatesAreRefused() async throws {
        let server = try ResidentServer()
        let alice = try await server.user("alice")
        let room = try await server.room(of: alice, version: "10")
        let closed = try await server.room(of: alice, version: "10", rule: "invite")
        let old = try await server.call(.get, "/make_join/\(room)/@bob:there")
        #expect(old.status == 400 && old.errcode == "M_INCOMPATIBLE_ROOM_VERSION" && old["room_version"] == "10")
        let unknown = try await server.call(.get, "/make_join/!no:here/@bob:there?ver=10")
        #expect(unknown.status == 404 && unknown.errcode == "M_NOT_FOUND")
        let foreign = try await server.call(.get, "/make_join/\(room)/@bob:elsewhere?ver=10")
        #expect(foreign.status == 403 && foreign.errcode == "M_FORBIDDEN")
        let uninvited = try await server.call(.get, "/make_join/\(closed)/@bob:there?ver=10")
        #expect(uninvited.status == 403 && uninvited.errcode == "M_FORBIDDEN")
        try await server.rooms.ban(
            room: room, user: try UserID(parsing: "@bob:there"), reason: nil, caller: alice)
        let banned = try await server.call(.get, "/make_join/\(room)/@bob:there?ver=10")
        #expect(banned.status == 403 && banned.errcode == "M_FORBIDDEN")
        #expect(try await server.call(.get, "/make_join/\(room)/@eve:there?ver=10", from: nil).status == 401)
        // A room that nobody here is in any more.
        try await server.rooms.leave(room: room, extra: [:], caller: alice)
        #expect(try await server.call(.get, "/make_join/\(room)/@eve:there?ver=10").status == 404)
        // "Remove `/v1/send_join`"
        let first = try await server.call(.put, "/send_join/\(closed)/$x", [:])
        #expect(first.status == 404 && first.errcode == "M_UNRECOGNIZED")
    }

    @Test(arguments: ["1", "10", "12"])
    func eventsAreRefused(_ version: String) async throws {
        let server = try ResidentServer()
        let alice = try await server.user("alice")
        let room = try await server.room(of: alice, version: version)
        let other = try await server.room(of: alice, version: version)
        let made = try await server.call(.get, "/make_join/\(room)/@bob:there?ver=\(version)")
        let there = try OtherServer("there")
        let changes: [(String, (inout JSONObject) -> Void)] = [
            ("type", { $0["type"] = "m.room.message" }),
            ("membership", { $0["content"] = ["membership": "leave"] }),
            ("sender", { $0["sender"] = "@bob:elsewhere" }),
            ("state_key", { $0["state_key"] = "@carol:there" }),
            ("no state_key", { $0.removeValue(forKey: "state_key") }),
            ("room", { $0["room_id"] = .string(other.rawValue) }),
            ("prev_events", { $0["prev_events"] = version == "1" ? [["$x:y", [:]]] : ["$unknown"] }),
            ("depth", { $0["depth"] = "deep" }),
        ]
        for (what, change) in changes {
            let event = try there.sign(made, change)
            let sent = try await server.call(
                .put, "/_matrix/federation/v2/send_join/\(room)/x", .object(event.object))
            #expect(sent.status == 400 && sent.errcode == "M_INVALID_PARAM", "\(what): \(sent.json)")
        }
        var unsigned = try there.sign(made).object
        unsigned["signatures"] = [:]
        var foreign = try OtherServer("elsewhere").sign(made).object
        foreign["origin"] = "there"
        var changed = try there.sign(made).object
        changed["content"] = ["membership": "join", "displayname": "Mallory"]
        for event in [unsigned, foreign, changed] {
            let sent = try await server.call(.put, "/_matrix/federation/v2/send_join/\(room)/x", .object(event))
            #expect(sent.status == 400 && sent.errcode == "M_INVALID_PARAM", "\(sent.json)")
        }
        // What the rules forbid is recorded as rejected, and refused.
        let late = try there.sign(made)
        try await server.rooms.ban(
            room: room, user: try UserID(parsing: "@bob:there"), reason: nil, caller: alice)
        let sent = try await server.call(
            .put, "/_matrix/federation/v2/send_join/\(room)/x", .object(late.object))
        #expect(sent.status == 403 && sent.errcode == "M_FORBIDDEN", "\(sent.json)")
    }

    @Test func accessListsAreKept() async throws {
        let server = try ResidentServer()
        let alice = try await server.user("alice")
        let room = try await server.room(of: alice)
        let event = try await server.say("hello", in: room, alice)
        try await server.join("@bob:there", to: room)
        try await server.set(
            "m.room.server_acl", "", ["allow": ["*"], "deny": ["there", "evil.*"]], in: room, alice)
        let targets: [(HTTPMethod, String)] = [
            (.get, "/make_join/\(room)/@carol:there?ver=12"), (.get, "/make_leave/\(room)/@bob:there"),
            (.get, "/make_knock/\(room)/@carol:there?ver=12"),
            (.put, "/_matrix/federation/v2/send_join/\(room)/x"), (.put, "/_matrix/federation/v2/send_leave/\(room)/x"),
            (.put, "/send_knock/\(room)/x"), (.get, "/state/\(room)?event_id=\(event)"),
            (.get, "/state_ids/\(room)?event_id=\(event)"), (.get, "/backfill/\(room)?v=\(event)&limit=5"),
            (.get, "/event_auth/\(room)/\(event)"), (.get, "/event/\(event)"),
            (.get, "/timestamp_to_event/\(room)?ts=0&dir=f"), (.get, "/hierarchy/\(room)"),
        ]
        for (method, target) in targets {
            let answer = try await server.call(method, target, method == .put ? [:] : nil)
            #expect(answer.status == 403 && answer.errcode == "M_FORBIDDEN", "\(target): \(answer.json)")
        }
        let missing: JSONValue = ["latest_events": [.string(event.rawValue)], "earliest_events": []]
        #expect(try await server.call(.post, "/get_missing_events/\(room)", missing).status == 403)
        let invite: JSONValue = ["room_version": "12", "event": [:]]
        #expect(try await server.call(.put, "/_matrix/federation/v2/invite/\(room)/x", invite).status == 403)
        // Another server is let in, and this one again when the list is another.
        #expect(try await server.join("@dave:good", to: room).answer.status == 200)
        try await server.set("m.room.server_acl", "", ["allow": ["*"], "deny": []], in: room, alice)
        #expect(try await server.call(.get, "/event/\(event)").status == 200)
    }
}
