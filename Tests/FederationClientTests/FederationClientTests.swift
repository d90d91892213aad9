import CanonicalJSON
import EventSigning
import FederationClient
import FederationCommands
import HTTPFront
import MatrixIdentifiers
import OutboundHTTP
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(10))) struct FederationClientTests {
    @Test func requestsAreSignedInOurName() async throws {
        try await World.with { world in
            let other = try await world.serve(["DNS:a.test"])
            let client = try world.client()
            let name = try server("a.test:\(other.port)")
            let body: JSONObject = ["b": 1, "a": ["x": "é"]]
            let target = "/_matrix/federation/v1/send/1?x=%20y"
            _ = try await client.send(RemoteRequest(.put, target, of: name, body: body))
            _ = try await client.send(RemoteRequest(.get, target, of: name))
            _ = try await client.send(RemoteRequest(.get, target, of: name, isSigned: false))
            let visits = other.visits.all
            #expect(visits.count == 3 && visits.last?.headers.first("authorization") == nil)
            for (request, content) in zip(visits, [body.canonicalBytes(), nil]) {
                let header = try #require(request.headers.first("authorization").flatMap(XMatrixHeader.init(parsing:)))
                #expect(header.origin.rawValue == "own.test" && header.destination == name.rawValue)
                let signed = RequestSignature(
                    method: request.method.name, target: target, origin: header.origin,
                    destination: name.rawValue, content: content)
                #expect(signed.isProven(by: header, publicKey: world.key.publicKey))
                #expect(request.body == content ?? [])
                #expect(request.headers.first("content-type") == (content == nil ? nil : "application/json"))
            }
        }
    }

    @Test func certificatesOfNobodyAreRefusedUnlessTheHostIsExempt() async throws {
        try await World.with { world in
            let stranger = try await world.serve(["DNS:a.test"], isTrusted: false)
            _ = try await world.serve(["DNS:other.test"])
            let request = RemoteRequest(.get, "/", of: try server("a.test:\(stranger.port)"))
            guard case .unreachable(let reason) = try await fault(try world.client(), request) else {
                Issue.record("a certificate of nobody counts")
                return
            }
            #expect(reason.uppercased().contains("CERTIFICATE"))
            #expect(stranger.visits.all.isEmpty)
            let lenient = try world.client { $0.unverifiedHosts = [HostPattern("*.test")] }
            #expect(try await lenient.send(request).status == 200)
            let other = try world.client { $0.unverifiedHosts = [HostPattern("*.example")] }
            #expect(try await fault(other, request) != nil)
            let careless = try world.client { $0.verifiesCertificates = false }
            #expect(try await careless.send(request).status == 200)
        }
    }

    @Test func whoDoesNotAnswerIsLeftAlone() async throws {
        try await World.with { world in
            let client = try world.client()
            let request = RemoteRequest(.get, "/", of: try server("a.test:1"))
            guard case .unreachable = try await fault(client, request) else {
                Issue.record("somebody listens on port 1")
                return
            }
            let until = world.clock.nowMs + 5000
            #expect(try await fault(client, request) == .backingOff(untilMs: until))
            var urgent = request
            urgent.ignoresBackOff = true
            guard case .unreachable = try await fault(client, urgent) else {
                Issue.record("it was not asked")
                return
            }
            #expect(client.backOff.failures(of: request.destination) == 1)
            world.clock.advance(5000)
            guard case .unreachable = try await fault(client, request) else {
                Issue.record("it was not asked again")
                return
            }
            #expect(client.backOff.failures(of: request.destination) == 2)
        }
    }

    @Test func errorsOfTheServerCountAndRefusalsDoNot() async throws {
        try await World.with { world in
            let status = Mutex(404)
            let other = try await world.serve(["DNS:a.test"]) { _ in
                HTTPResponse(status: status.withLock { $0 }, headers: [], body: Array("{\"errcode\":\"M_X\"}".utf8))
            }
            let client = try world.client { $0.backOff.jitter = 0 }
            let request = RemoteRequest(.get, "/", of: try server("a.test:\(other.port)"))
            #expect(try await client.send(request).status == 404)
            #expect(client.backOff.failures(of: request.destination) == 0)
            status.withLock { $0 = 502 }
            #expect(try await client.send(request).status == 502)
            guard case .backingOff(let until) = try await fault(client, request) else {
                Issue.record("it was asked again at once")
                return
            }
            world.clock.advance(until - world.clock.nowMs)
            status.withLock { $0 = 200 }
            #expect(try await client.send(request).status == 200)
            #expect(client.backOff.failures(of: request.destination) == 0)
        }
    }

    @Test func largeAnswersAndForbiddenPlacesAreFaults() async throws {
        try await World.with { world in
            let other = try await world.serve(["DNS:a.test"]) { _ in
                HTTPResponse(status: 200, headers: [], body: [UInt8](repeating: 0x20, count: 5000))
            }
            let name = try server("a.test:\(other.port)")
            let client = try world.client()
            guard case .malformed = try await fault(client, RemoteRequest(.get, "/", of: name, largestAnswer: 4999))
            else {
                Issue.record("a large answer was taken")
                return
            }
            #expect(try await client.send(RemoteRequest(.get, "/", of: name, largestAnswer: 5000)).body.count == 5000)
            for target in ["", "x", "/a b", "/a\r\nX: y"] {
                guard case .malformed = try await fault(client, RemoteRequest(.get, target, of: name)) else {
                    Issue.record("\(target) was sent")
                    return
                }
            }
            let before = other.visits.all.count
            let guarded = try world.client { $0.policy = AddressPolicy() }
            guard case .unreachable = try await fault(guarded, RemoteRequest(.get, "/", of: name)) else {
                Issue.record("a forbidden address was asked")
                return
            }
            let closed = try world.client(allowed: [try server("b.test")])
            guard case .unreachable = try await fault(closed, RemoteRequest(.get, "/", of: name)) else {
                Issue.record("who is not in the whitelist was asked")
                return
            }
            #expect(try await fault(client, RemoteRequest(.get, "/", of: try server("own.test"))) != nil)
            #expect(other.visits.all.count == before)
        }
    }

    @Test func whatTakesTooLongEnds() async throws {
        try await World.with { world in
            let client = try world.client { $0.lookUp = { _ in ["127.0.0.1"] } }
            let silent = SilentServer()
            let request = RemoteRequest(.get, "/", of: try server("a.test:\(silent.port)"), timeoutMs: 100)
            #expect(try await fault(client, request) == .timedOut)
            #expect(client.backOff.failures(of: request.destination) == 1)
            silent.stop()
        }
    }
}
