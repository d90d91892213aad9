import CanonicalJSON
import FederationCommands
import HTTPFront
import MatrixIdentifiers
import OutboundHTTP
import Synchronization
import Testing

@testable import FederationClient

/// Each step of "Resolving server names", with real certificates.
@Suite(.timeLimit(.minutes(10))) struct DiscoveryTests {
    private static let path = "/_matrix/federation/v1/version"

    private func get(_ name: String) throws -> RemoteRequest {
        RemoteRequest(.get, Self.path, of: try server(name), isSigned: false)
    }

    @Test func step1AddressLiterals() async throws {
        try await World.with { world in
            let other = try await world.serve(["IP:127.0.0.1"])
            let client = try world.client { $0.port = other.port }
            #expect(try await client.send(get("127.0.0.1:\(other.port)")).status == 200)
            #expect(try await client.send(get("127.0.0.1")).status == 200)
            #expect(other.visits.hosts == ["127.0.0.1:\(other.port)", "127.0.0.1"])
            #expect(
                try await client.route(to: server("[::1]"))
                    == ServerRoute(
                        places: [.init(host: "::1", port: other.port)], authority: "[::1]", certificateName: "::1"))
            #expect(world.names.questions == [])
        }
    }

    /// "The target server must present a valid certificate for the IP address."
    @Test func step1NeedsACertificateOfTheAddress() async throws {
        try await World.with { world in
            let other = try await world.serve(["DNS:named.test"])
            let client = try world.client()
            guard case .unreachable = try await fault(client, get("127.0.0.1:\(other.port)")) else {
                Issue.record("a certificate of another counts")
                return
            }
            #expect(other.visits.all.isEmpty)
        }
    }

    @Test func step2ExplicitPorts() async throws {
        try await World.with { world in
            let other = try await world.serve(["DNS:named.test"])
            let client = try world.client()
            #expect(try await client.send(get("named.test:\(other.port)")).status == 200)
            #expect(try await client.send(get("NAMED.test:\(other.port)")).status == 200)
            #expect(other.visits.hosts == ["named.test:\(other.port)", "NAMED.test:\(other.port)"])
            guard case .unreachable = try await fault(client, get("other.test:\(other.port)")) else {
                Issue.record("a certificate of another counts")
                return
            }
        }
    }

    @Test func step3DelegationWithAPortIsRemembered() async throws {
        try await World.with { world in
            let target = try await world.serve(["DNS:delegated.test"])
            let pages = try await world.serve(["DNS:host.test"]) { _ in
                .json(.object(["m.server": .string("delegated.test:\(target.port)")]))
            }
            let client = try world.client { $0.wellKnownPort = pages.port }
            for _ in 0..<3 { #expect(try await client.send(get("host.test")).status == 200) }
            #expect(target.visits.hosts.allSatisfy { $0 == "delegated.test:\(target.port)" })
            #expect(pages.visits.all.map(\.rawPath) == ["/.well-known/matrix/server"])
            world.clock.advance(24 * 3_600_000)
            #expect(try await client.send(get("host.test")).status == 200)
            #expect(pages.visits.all.count == 2 && target.visits.all.count == 4)
        }
    }

    @Test func step3DelegationToAnAddressAndToAService() async throws {
        try await World.with { world in
            let target = try await world.serve(["IP:127.0.0.1", "DNS:delegated.test"])
            let delegated = Mutex("127.0.0.1:\(target.port)")
            let pages = try await world.serve(["DNS:one.test", "DNS:two.test", "DNS:three.test"]) { _ in
                .json(.object(["m.server": .string(delegated.withLock { $0 })]))
            }
            let client = try world.client {
                $0.wellKnownPort = pages.port
                $0.port = target.port
            }
            #expect(try await client.send(get("one.test")).status == 200)
            #expect(target.visits.hosts == ["127.0.0.1:\(target.port)"])
            // Without a port: by the service of the delegated name, which is in the `Host` field and the certificate.
            world.names.set(
                "_matrix-fed._tcp.delegated.test",
                [ServiceRecord(priority: 1, weight: 1, port: UInt16(target.port), target: "machine.test")])
            delegated.withLock { $0 = "delegated.test" }
            #expect(try await client.send(get("two.test")).status == 200)
            #expect(target.visits.hosts.last == "delegated.test")
            #expect(
                try await client.route(to: server("three.test")).places
                    == [.init(host: "machine.test", port: target.port)])
            #expect(world.names.questions == ["_matrix-fed._tcp.delegated.test"])
        }
    }

    @Test func step3FollowsRedirectionsButNotForEver() async throws {
        try await World.with { world in
            let pages = try await world.serve(["DNS:host.test", "DNS:loop.test", "DNS:plain.test"]) { request in
                func to(_ location: String) -> HTTPResponse {
                    HTTPResponse(status: 302, headers: [("Location", location)], body: [])
                }
                let host = request.headers.first("host") ?? ""
                if host.hasPrefix("loop") {
                    return to(request.rawPath == "/a" ? "/.well-known/matrix/server" : "/a")
                }
                if host.hasPrefix("plain") { return to("http://127.0.0.1:1/") }
                if request.rawPath == "/there" { return .json(.object(["m.server": "delegated.test:99"])) }
                return to("/there")
            }
            let client = try world.client { $0.wellKnownPort = pages.port }
            #expect(try await client.route(to: server("host.test")).authority == "delegated.test:99")
            // What is no delegation counts as none.
            #expect(try await client.route(to: server("loop.test")).authority == "loop.test")
            #expect(try await client.route(to: server("plain.test")).authority == "plain.test")
            #expect(pages.visits.all.count <= 2 + 6 + 1)
        }
    }

    @Test(arguments: ["{}", "{\"m.server\": \"\"}", "{\"m.server\": \"a b\"}", "no", "[]", "{\"m.server\": 5}"])
    func step3BadAnswersCountAsNone(body: String) async throws {
        try await World.with { world in
            let pages = try await world.serve(["DNS:host.test"]) { _ in
                HTTPResponse(status: 200, headers: [], body: Array(body.utf8))
            }
            let client = try world.client { $0.wellKnownPort = pages.port }
            #expect(
                try await client.route(to: server("host.test"))
                    == ServerRoute(
                        places: [.init(host: "host.test", port: 1)], authority: "host.test",
                        certificateName: "host.test"))
            // An error is remembered too, for a shorter time.
            _ = try await client.route(to: server("host.test"))
            #expect(pages.visits.all.count == 1)
            world.clock.advance(3_600_000)
            _ = try await client.route(to: server("host.test"))
            #expect(pages.visits.all.count == 2)
        }
    }

    @Test func step3ADelegationOutlivesAShortOutage() async throws {
        try await World.with { world in
            let isDown = Mutex(false)
            let pages = try await world.serve(["DNS:host.test"]) { _ in
                if isDown.withLock({ $0 }) { return HTTPResponse(status: 503, headers: [], body: []) }
                return .json(.object(["m.server": "delegated.test:99"]))
            }
            let client = try world.client { $0.wellKnownPort = pages.port }
            #expect(try await client.route(to: server("host.test")).authority == "delegated.test:99")
            isDown.withLock { $0 = true }
            world.clock.advance(25 * 3_600_000)
            #expect(try await client.route(to: server("host.test")).authority == "delegated.test:99")
            world.clock.advance(24 * 3_600_000)
            #expect(try await client.route(to: server("host.test")).authority == "host.test")
        }
    }

    @Test func steps4To6Services() async throws {
        try await World.with { world in
            let other = try await world.serve(["DNS:new.test", "DNS:old.test", "DNS:plain.test"])
            func record(_ priority: UInt16, _ port: Int, _ target: String) -> ServiceRecord {
                ServiceRecord(priority: priority, weight: 0, port: UInt16(port), target: target)
            }
            // The first place is not to be had: the next one is tried.
            world.names.set(
                "_matrix-fed._tcp.new.test",
                [record(20, other.port, "b.test"), record(10, 9, "nowhere.invalid")])
            world.names.set("_matrix._tcp.new.test", [record(1, 9, "wrong.test")])
            world.names.set("_matrix._tcp.old.test", [record(1, other.port, "a.test")])
            world.names.set("_matrix-fed._tcp.none.test", [record(0, 0, "")])
            let client = try world.client { $0.port = other.port }
            #expect(try await client.send(get("new.test")).status == 200)
            #expect(try await client.send(get("old.test")).status == 200)
            #expect(try await client.send(get("plain.test")).status == 200)
            #expect(other.visits.hosts == ["new.test", "old.test", "plain.test"])
            guard case .unreachable = try await fault(client, get("none.test")) else {
                Issue.record("a service that is not offered was asked")
                return
            }
            #expect(
                world.names.questions == [
                    "_matrix-fed._tcp.new.test", "_matrix-fed._tcp.old.test", "_matrix._tcp.old.test",
                    "_matrix-fed._tcp.plain.test", "_matrix._tcp.plain.test", "_matrix-fed._tcp.none.test",
                ])
        }
    }
}
