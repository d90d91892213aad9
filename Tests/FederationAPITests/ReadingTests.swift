import CanonicalJSON
import CommandHandling
import EventLog
import EventSigning
import HTTPFront
import MatrixEvents
import MatrixIdentifiers
import Queries
import RoomVersions
import Testing

/// Events, states and auth chains, and who is given them.
@Suite struct ReadingTests {
    private func ids(_ events: JSONValue?, _ version: RoomVersion = .v12) throws -> [String] {
        try (events?.arrayValue ?? []).map {
            try ReferenceHash.eventID(of: try #require($0.objectValue), version: version).rawValue
        }
    }

    @Test(arguments: ["1", "5", "12"])
    func statesAreThoseBeforeTheEvent(_ id: String) async throws {
        let version = try #require(RoomVersion.named(id))
        let server = try ResidentServer()
        let alice = try await server.user("alice")
        let room = try await server.room(of: alice, version: id)
        try await server.join("@bob:there", to: room)
        try await server.set("m.room.topic", "", ["topic": "first"], in: room, alice)
        let queries = RoomQueries(views: server.views)
        let first = try #require(try queries.currentState(room, type: "m.room.topic", stateKey: "")?.eventID)
        try await server.set("m.room.topic", "", ["topic": "second"], in: room, alice)
        let second = try #require(try queries.currentState(room, type: "m.room.topic", stateKey: "")?.eventID)
        let state = try await server.call(.get, "/state/\(room)?event_id=\(second)")
        let stateIDs = try await server.call(.get, "/state_ids/\(room)?event_id=\(second)")
        #expect(state.status == 200 && stateIDs.status == 200, "\(stateIDs.json)")
        let given = try ids(state["pdus"], version)
        #expect(given.contains(first.rawValue) && !given.contains(second.rawValue))
        #expect(stateIDs["pdu_ids"]?.arrayValue?.compactMap(\.stringValue) == given)
        let expected = try #require(try queries.fullState(room, at: .before(second))).map(\.eventID.rawValue)
        #expect(Set(given) == Set(expected) && given.count == expected.count)
        let chain = try ids(state["auth_chain"], version)
        #expect(stateIDs["auth_chain_ids"]?.arrayValue?.compactMap(\.stringValue) == chain)
        // The chain is closed, and each stands behind those that allow it.
        var seen: Set<String> = []
        for event in state["auth_chain"]?.arrayValue ?? [] {
            let pdu = try PDU(object: try #require(event.objectValue), version: version)
            #expect(pdu.authEvents.allSatisfy { seen.contains($0.rawValue) })
            seen.insert(try ReferenceHash.eventID(of: pdu.object, version: version).rawValue)
        }
        for event in state["pdus"]?.arrayValue ?? [] {
            let pdu = try PDU(object: try #require(event.objectValue), version: version)
            #expect(pdu.authEvents.allSatisfy { seen.contains($0.rawValue) })
        }
        let auth = try await server.call(.get, "/event_auth/\(room)/\(second)")
        let own = try PDU(object: try await one(second, server), version: version)
        let authChain = try ids(auth["auth_chain"], version)
        #expect(own.authEvents.allSatisfy { authChain.contains($0.rawValue) } && !authChain.contains(second.rawValue))
        #expect(Set(authChain).isSubset(of: seen))
        let message = try await server.say("hello", in: room, alice)
        let ofMessage = try ids(try await server.call(.get, "/event_auth/\(room)/\(message)")["auth_chain"], version)
        #expect(Set(ofMessage) == Set(authChain))
    }

    private func one(
        _ eventID: EventID, _ server: ResidentServer, from origin: String = "there"
    ) async throws -> JSONObject {
        let answer = try await server.call(.get, "/event/\(eventID)", from: origin)
        #expect(answer.status == 200, "\(answer.json)")
        #expect(answer["origin"] == "here" && answer["origin_server_ts"]?.integerValue != nil)
        #expect(answer["pdus"]?.arrayValue?.count == 1)
        return try #require(answer["pdus"]?.arrayValue?.first?.objectValue)
    }

    @Test func eventsAreGivenAsSigned() async throws {
        let server = try ResidentServer()
        let alice = try await server.user("alice")
        let room = try await server.room(of: alice, version: "11")
        try await server.join("@bob:there", to: room)
        let message = try await server.say("hello", in: room, alice)
        let event = try await one(message, server)
        #expect(event["content"]?["body"] == "hello" && event["unsigned"] == nil && event["event_id"] == nil)
        #expect(ContentHash.matches(event))
        // What was redacted is given as the redaction left it.
        _ = try await server.rooms.redact(
            room: room, eventID: message, reason: nil, transactionID: nil, caller: alice)
        let redacted = try await one(message, server)
        #expect(redacted["content"] == [:])
        #expect(try ReferenceHash.eventID(of: redacted, version: .v11) == message)
        let unknown = try await server.call(.get, "/event/$unknown")
        #expect(unknown.status == 404 && unknown.errcode == "M_NOT_FOUND")
    }

    /// A server that was never in the room, one whose users left, and one that came late, by the history visibility.
    @Test(arguments: ["world_readable", "shared", "invited", "joined"])
    func visibility(_ visibility: String) async throws {
        let server = try ResidentServer()
        let alice = try await server.user("alice")
        let room = try await server.room(of: alice, version: "11", visibility: visibility)
        let early = try await server.say("early", in: room, alice)
        try await server.join("@bob:left", to: room)
        let middle = try await server.say("middle", in: room, alice)
        try await server.leave("@bob:left", room)
        try await server.invite("@carol:late", to: room, by: alice)
        let invited = try await server.say("invited", in: room, alice)
        try await server.join("@carol:late", to: room)
        let late = try await server.say("late", in: room, alice)
        let whole = "whole"
        let redacted = "redacted"
        let refused = "refused"
        func view(_ event: EventID, _ origin: String) async throws -> String {
            let answer = try await server.call(.get, "/event/\(event)", from: origin)
            if answer.status == 403 { return refused }
            let content = answer["pdus"]?.arrayValue?.first?["content"]
            return content == [:] ? redacted : whole
        }
        let events = [early, middle, invited, late]
        var seen: [String: [String]] = [:]
        for origin in ["stranger", "left", "late"] {
            for event in events { seen[origin, default: []].append(try await view(event, origin)) }
        }
        let isOpen = visibility == "world_readable"
        #expect(seen["stranger"] == (isOpen ? [whole, whole, whole, whole] : [refused, refused, refused, refused]))
        switch visibility {
        case "world_readable":
            #expect(seen["left"] == [whole, whole, whole, whole])
            #expect(seen["late"] == [whole, whole, whole, whole])
        case "shared":
            #expect(seen["left"] == [whole, whole, refused, refused])
            #expect(seen["late"] == [whole, whole, whole, whole])
        case "invited":
            #expect(seen["left"] == [refused, whole, refused, refused])
            #expect(seen["late"] == [redacted, redacted, whole, whole])
        default:
            #expect(seen["left"] == [refused, whole, refused, refused])
            #expect(seen["late"] == [redacted, redacted, redacted, whole])
        }
        for path in [
            "/state/\(room)?event_id=\(late)", "/state_ids/\(room)?event_id=\(late)", "/event_auth/\(room)/\(late)",
        ] {
            let answer = try await server.call(.get, path, from: "stranger")
            #expect(answer.status == (isOpen ? 200 : 403), "\(path)")
            #expect(try await server.call(.get, path, from: "left").status == (isOpen ? 200 : 403), "\(path)")
            #expect(try await server.call(.get, path, from: "late").status == 200, "\(path)")
        }
        let missing: JSONValue = ["latest_events": [.string(late.rawValue)], "earliest_events": []]
        let stranger = try await server.call(.post, "/get_missing_events/\(room)", missing, from: "stranger")
        #expect(stranger.status == (isOpen ? 200 : 403))
        let back = try await server.call(.get, "/backfill/\(room)?v=\(late)&limit=50", from: "stranger")
        #expect(back.status == (isOpen ? 200 : 403))
        let comer = try await server.call(.get, "/backfill/\(room)?v=\(late)&limit=50", from: "late")
        let bodies = comer["pdus"]?.arrayValue?.compactMap { $0["content"]?["body"]?.stringValue } ?? []
        #expect(
            bodies
                == (isOpen || visibility == "shared"
                    ? ["late", "invited", "middle", "early"]
                    : visibility == "invited" ? ["late", "invited"] : ["late"]))
        // The graph is whole all the same.
        let given = try ids(comer["pdus"], .v11)
        #expect(events.allSatisfy { given.contains($0.rawValue) })
        let time = try await server.call(.get, "/timestamp_to_event/\(room)?ts=0&dir=f", from: "stranger")
        #expect(time.status == (isOpen ? 200 : 403))
    }

    @Test func backfill() async throws {
        let server = try ResidentServer()
        let alice = try await server.user("alice")
        let room = try await server.room(of: alice, version: "11")
        try await server.join("@bob:there", to: room)
        var sent: [String] = []
        for index in 0..<120 { sent.append(try await server.say("\(index)", in: room, alice).rawValue) }
        func page(_ from: [String], _ limit: Int) async throws -> [String] {
            let starts = from.map { "v=\($0)" }.joined(separator: "&")
            let answer = try await server.call(.get, "/backfill/\(room)?\(starts)&limit=\(limit)")
            #expect(answer.status == 200, "\(answer.json)")
            return try ids(answer["pdus"], .v11)
        }
        #expect(try await page([sent[50]], 10) == sent[41...50].reversed())
        #expect(try await page([sent[50]], 1) == [sent[50]])
        #expect(try await page([sent[50], sent[20], "$unknown"], 32).suffix(2) == [sent[20], sent[19]])
        #expect(try await page([sent[119]], 10_000) == sent[20...119].reversed())
        // Page by page down to the creation of the room, each event once.
        var all: [String] = []
        var start = sent[119]
        while true {
            let next = try await page([start], 30)
            all += all.isEmpty ? next : Array(next.dropFirst())
            guard let last = next.last, last != start else { break }
            start = last
        }
        #expect(Set(all).count == all.count && all.prefix(120) == sent.reversed()[...])
        let create = try RoomQueries(views: server.views).currentState(room, type: "m.room.create", stateKey: "")
        #expect(all.last == create?.eventID.rawValue)
        #expect(try await page([sent[0]], 0).isEmpty)
        let unknown = try await server.call(.get, "/backfill/\(room)?v=$unknown&limit=1")
        #expect(unknown.status == 404)
        #expect(try await server.call(.get, "/backfill/\(room)?limit=1").errcode == "M_MISSING_PARAM")
        #expect(try await server.call(.get, "/backfill/\(room)?v=\(sent[0])").errcode == "M_MISSING_PARAM")
        let other = try await server.room(of: alice)
        try await server.join("@bob:there", to: other)
        #expect(try await server.call(.get, "/backfill/\(other)?v=\(sent[0])&limit=1").status == 404)
    }

    @Test func missingEvents() async throws {
        let server = try ResidentServer()
        let alice = try await server.user("alice")
        let room = try await server.room(of: alice, version: "11")
        try await server.join("@bob:there", to: room)
        var sent: [String] = []
        for index in 0..<70 { sent.append(try await server.say("\(index)", in: room, alice).rawValue) }
        func missing(_ more: JSONObject, from start: Int = 60, to end: Int? = nil) async throws -> [String] {
            var body: JSONObject = [
                "latest_events": [.string(sent[start])],
                "earliest_events": .array(end.map { [.string(sent[$0])] } ?? []),
            ]
            for (name, value) in more { body[name] = value }
            let answer = try await server.call(.post, "/get_missing_events/\(room)", .object(body))
            #expect(answer.status == 200, "\(answer.json)")
            return try ids(answer["events"], .v11)
        }
        // "Defaults to 10."
        #expect(try await missing([:]) == Array(sent[50...59]))
        #expect(try await missing(["limit": 3]) == Array(sent[57...59]))
        #expect(try await missing(["limit": 20], to: 55) == Array(sent[56...59]))
        #expect(try await missing(["limit": 1000]).count == 50)
        #expect(try await missing(["limit": 0]).isEmpty)
        let depth = try await one(try EventID(parsing: sent[57]), server)["depth"]
        #expect(try await missing(["min_depth": try #require(depth)]) == Array(sent[57...59]))
        #expect(try await missing(["latest_events": ["$unknown"]]).isEmpty)
        let wrong = try await server.call(.post, "/get_missing_events/\(room)", ["latest_events": ["$a"]])
        #expect(wrong.errcode == "M_MISSING_PARAM")
        let long = [JSONValue](repeating: "$a", count: 101)
        let many = try await server.call(
            .post, "/get_missing_events/\(room)", ["latest_events": .array(long), "earliest_events": []])
        #expect(many.status == 400 && many.errcode == "M_INVALID_PARAM")
    }

    @Test func eventsByTime() async throws {
        let server = try ResidentServer()
        let alice = try await server.user("alice")
        let room = try await server.room(of: alice)
        try await server.join("@bob:there", to: room)
        let message = try await server.say("x", in: room, alice)
        let time = try #require(try await one(message, server)["origin_server_ts"]?.integerValue)
        let path = "/timestamp_to_event/\(room)"
        let after = try await server.call(.get, "\(path)?ts=\(time - 1)&dir=f")
        #expect(after["event_id"]?.stringValue == message.rawValue && after["origin_server_ts"] == .integer(time))
        let before = try await server.call(.get, "\(path)?ts=\(time + 5)&dir=b")
        #expect(before["event_id"]?.stringValue == message.rawValue)
        #expect(try await server.call(.get, "\(path)?ts=\(time + 5)&dir=f").errcode == "M_NOT_FOUND")
        #expect(try await server.call(.get, "\(path)?dir=f").errcode == "M_MISSING_PARAM")
        #expect(try await server.call(.get, "\(path)?ts=1&dir=x").errcode == "M_INVALID_PARAM")
    }

    /// A fork: the walks go over all branches, and what the rules forbid is walked over but not given.
    @Test func forksAreWalked() async throws {
        let server = try ResidentServer()
        let alice = try await server.user("alice")
        let room = try await server.room(of: alice, version: "11")
        let made = try await server.call(.get, "/make_join/\(room)/@bob:there?ver=11")
        let base = try await server.say("base", in: room, alice)
        let event = try OtherServer("there").sign(made)
        let sent = try await server.call(
            .put, "/_matrix/federation/v2/send_join/\(room)/x", .object(event.object))
        #expect(sent.status == 200, "\(sent.json)")
        // The state before the join is that of its place, not of the room.
        let last = try await server.say("after", in: room, alice)
        let answer = try await server.call(.get, "/backfill/\(room)?v=\(last)&limit=3")
        #expect(Set(try ids(answer["pdus"], .v11)) == [last.rawValue, base.rawValue, event.eventID.rawValue])
        let body: JSONValue = ["latest_events": [.string(last.rawValue)], "earliest_events": [], "limit": 2]
        let missing = try await server.call(.post, "/get_missing_events/\(room)", body)
        #expect(Set(try ids(missing["events"], .v11)) == [base.rawValue, event.eventID.rawValue])
    }
}
