import CanonicalJSON
import CommandHandling
import HTTPFront
import Testing

@testable import ClientAPI

/// Events that are sent later (MSC4140).
@Suite struct DelayedEventTests {
    private static let path = "/_matrix/client/unstable/org.matrix.msc4140"

    private struct Scene {
        let server: InProcessServer
        let alice: String
        let bob: String
        let room: String
    }

    private func scene(mostPerUser: Int = 100) async throws -> Scene {
        let server = try InProcessServer { settings in
            settings.delayedEvents.longestDelayMs = 86_400_000
            settings.delayedEvents.mostPerUser = mostPerUser
        }
        let alice = try await server.register("alice")
        let bob = try await server.register("bob")
        let room = try await server.createRoom(
            alice, ["preset": "public_chat", "power_level_content_override": ["events": ["x.call": 0]]])
        _ = try await server.call(.post, "/rooms/\(room)/join", token: bob)
        return Scene(server: server, alice: alice, bob: bob, room: room)
    }

    private func schedule(
        _ scene: Scene, _ text: String, delay: Int = 3_600_000, transaction: String? = nil
    ) async throws -> InProcessServer.Answer {
        try await scene.server.call(
            .put,
            "/rooms/\(scene.room)/send/m.room.message/\(transaction ?? text)?org.matrix.msc4140.delay=\(delay)",
            ["msgtype": "m.text", "body": .string(text)], token: scene.alice)
    }

    private func delayID(_ answer: InProcessServer.Answer) throws -> String {
        #expect(answer["event_id"] == nil)
        return try #require(answer["delay_id"]?.stringValue, "\(answer.json)")
    }

    private func manage(
        _ scene: Scene, _ id: String, _ action: String, token: String? = nil
    ) async throws
        -> InProcessServer.Answer
    {
        try await scene.server.call(
            .post, "\(Self.path)/delayed_events/\(id)/\(action)", [:], token: token ?? scene.alice)
    }

    private func bodies(_ scene: Scene, token: String? = nil) async throws -> [JSONValue] {
        let page = try await scene.server.call(
            .get, "/rooms/\(scene.room)/messages?dir=b&limit=100", token: token ?? scene.alice)
        return (page["chunk"]?.arrayValue ?? []).reversed().filter { $0["type"] == "m.room.message" }
    }

    /// Sends what is due until nothing is left that is due soon.
    private func sendDue(_ scene: Scene, count: Int) async throws {
        var seen = 0
        while seen < count {
            seen += try await scene.server.api.delayedEvents.sendDue()
            await Task.yield()
        }
    }

    @Test func sentWhenDueAndOnce() async throws {
        let scene = try await scene()
        let later = try delayID(try await schedule(scene, "later"))
        let soon = try delayID(try await schedule(scene, "soon", delay: 1))
        #expect(try await schedule(scene, "soon", delay: 1)["delay_id"] == .string(soon), "the transaction is repeated")
        #expect(try await bodies(scene).isEmpty)
        try await sendDue(scene, count: 1)
        #expect(try await scene.server.api.delayedEvents.sendDue() == 0)
        let sent = try await bodies(scene)
        #expect(sent.count == 1 && sent.first?["content"]?["body"] == "soon")
        #expect(sent.first?["unsigned"]?["org.matrix.msc4140.delay_id"] == .string(soon))
        let others = try await bodies(scene, token: scene.bob)
        #expect(others.count == 1 && others.first?["unsigned"]?["org.matrix.msc4140.delay_id"] == nil)
        let done = try await scene.server.call(.get, "\(Self.path)/delayed_events/\(soon)", token: scene.alice)
        #expect(done["event_id"] == sent.first?["event_id"] && done["finalised_ts"] != nil, "\(done.json)")
        let list = try await scene.server.call(.get, "\(Self.path)/delayed_events", token: scene.alice)
        let only = list["delayed_events"]?.arrayValue
        #expect(only?.count == 1 && only?.first?["delay_id"] == .string(later))
        #expect(only?.first?["content"]?["body"] == "later" && only?.first?["delay_ms"] == 3_600_000)
        #expect(
            try await scene.server.call(.get, "\(Self.path)/delayed_events/\(soon)", token: scene.bob).status == 404)
    }

    @Test func actions() async throws {
        let scene = try await scene()
        let sent = try delayID(try await schedule(scene, "sent"))
        #expect(try await manage(scene, sent, "send", token: scene.bob).status == 404)
        #expect(try await manage(scene, sent, "restart").status == 200)
        #expect(try await manage(scene, sent, "send").status == 200)
        #expect(try await manage(scene, sent, "send").status == 200, "a repetition")
        #expect(try await manage(scene, sent, "cancel").status == 409)
        #expect(try await manage(scene, sent, "restart").status == 409)
        #expect(try await bodies(scene).count == 1)
        let cancelled = try delayID(try await schedule(scene, "cancelled", delay: 1))
        let body: JSONValue = ["action": "cancel"]
        let path = "\(Self.path)/delayed_events/\(cancelled)"
        #expect(try await scene.server.call(.post, path, body, token: scene.alice).status == 200)
        #expect(try await manage(scene, cancelled, "cancel").status == 200, "a repetition")
        #expect(try await manage(scene, cancelled, "send").status == 409)
        #expect(try await scene.server.api.delayedEvents.sendDue() == 0)
        let gone = try await scene.server.call(.get, path, token: scene.alice)
        #expect(gone["finalised_ts"] != nil && gone["event_id"] == nil && gone["error"] == nil)
        #expect(try await manage(scene, "none", "send").status == 404)
        #expect(try await manage(scene, cancelled, "explode").status == 400)
    }

    @Test func manyAtOnceSendOne() async throws {
        let scene = try await scene()
        let id = try delayID(try await schedule(scene, "once", delay: 1))
        let commands = scene.server.api.delayedEvents
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask { _ = try await commands.sendDue() }
                group.addTask { _ = try await self.manage(scene, id, "send") }
                group.addTask { _ = try await self.manage(scene, id, "restart") }
            }
            try await group.waitForAll()
        }
        #expect(try await manage(scene, id, "send").status == 200)
        #expect(try await bodies(scene).count == 1)
    }

    @Test func stateEndsWithTheStateOfOthers() async throws {
        let scene = try await scene()
        func set(_ body: JSONValue, _ token: String, delay: String = "") async throws -> InProcessServer.Answer {
            try await scene.server.call(
                .put, "/rooms/\(scene.room)/state/x.call/key\(delay)", body, token: token)
        }
        let delay = "?org.matrix.msc4140.delay=3600000"
        let id = try delayID(try await set(["left": true], scene.alice, delay: delay))
        #expect(try await set(["left": false], scene.alice).status == 200, "one's own state ends nothing")
        func isScheduled() async throws -> Bool {
            try await scene.server.call(.get, "\(Self.path)/delayed_events/\(id)", token: scene.alice)["finalised_ts"]
                == nil
        }
        #expect(try await isScheduled())
        #expect(try await set(["other": true], scene.bob).status == 200)
        #expect(try await isScheduled() == false)
        #expect(try await manage(scene, id, "send").status == 409)
        let next = try delayID(try await set(["left": true], scene.alice, delay: delay))
        #expect(try await manage(scene, next, "send").status == 200)
        let now = try await scene.server.call(.get, "/rooms/\(scene.room)/state/x.call/key", token: scene.bob)
        #expect(now.json == ["left": true])
    }

    @Test func whatCannotBeSentSaysWhy() async throws {
        let scene = try await scene()
        let answer = try await scene.server.call(
            .put, "\(Self.path)/rooms/\(scene.room)/delayed_event/m.room.topic/1",
            ["delay_ms": 1, "state_key": "", "content": ["topic": "x"]], token: scene.bob)
        let id = try delayID(answer)
        #expect(try await manage(scene, id, "send", token: scene.bob).status == 403)
        try await sendDue(scene, count: 1)
        let failed = try await scene.server.call(.get, "\(Self.path)/delayed_events/\(id)", token: scene.bob)
        #expect(failed["error"]?["errcode"] == "M_FORBIDDEN" && failed["event_id"] == nil, "\(failed.json)")
        #expect(try await scene.server.api.delayedEvents.sendDue() == 0)
    }

    @Test func redactionsComeLaterToo() async throws {
        let scene = try await scene()
        let sent = try await scene.server.call(
            .put, "/rooms/\(scene.room)/send/m.room.message/now", ["msgtype": "m.text", "body": "x"],
            token: scene.alice)
        let event = try #require(sent["event_id"]?.stringValue)
        let later = try await scene.server.call(
            .put, "/rooms/\(scene.room)/send/m.room.redaction/1?org.matrix.msc4140.delay=1",
            ["redacts": .string(event)], token: scene.alice)
        _ = try delayID(later)
        try await sendDue(scene, count: 1)
        #expect(try await bodies(scene).first?["unsigned"]?["redacted_because"] != nil)
    }

    @Test func limits() async throws {
        let scene = try await scene(mostPerUser: 2)
        let long = try await schedule(scene, "long", delay: 86_400_001)
        #expect(long.status == 403 && long["org.matrix.msc4140.errcode"] == "M_MAX_DELAY_EXCEEDED", "\(long.json)")
        for delay in ["0", "-1", "x"] {
            let answer = try await scene.server.call(
                .put, "/rooms/\(scene.room)/send/m.room.message/1?org.matrix.msc4140.delay=\(delay)", [:],
                token: scene.alice)
            #expect(answer.status == 400, "\(delay): \(answer.json)")
        }
        _ = try delayID(try await schedule(scene, "1"))
        let second = try delayID(try await schedule(scene, "2"))
        let third = try await schedule(scene, "3")
        #expect(third.status == 429 && third.errcode == "M_LIMIT_EXCEEDED", "\(third.json)")
        #expect((third["retry_after_ms"]?.integerValue ?? 0) > 3_000_000)
        #expect(try await manage(scene, second, "cancel").status == 200)
        _ = try delayID(try await schedule(scene, "3"))
        let capability = try await scene.server.call(.get, "/capabilities", token: scene.alice)["capabilities"]
        #expect(
            capability?["org.matrix.msc4140.delayed_events"] == ["max_delay_ms": 86_400_000, "max_scheduled": 2])
    }

    @Test func offUnlessConfigured() async throws {
        let server = try InProcessServer()
        let alice = try await server.register("alice")
        let room = try await server.createRoom(alice)
        let answer = try await server.call(
            .put, "/rooms/\(room)/send/m.room.message/1?org.matrix.msc4140.delay=5", [:], token: alice)
        #expect(answer.status == 403, "\(answer.json)")
        #expect(
            try await server.call(.get, "/_matrix/client/versions")["unstable_features"]?["org.matrix.msc4140"] == nil)
    }
}
