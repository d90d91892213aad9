import CommandHandling
import FederationCommands
import MatrixIdentifiers
import OutboundHTTP
import Synchronization

/// Finds where a server is reached ("Resolving server names").
final class ServerDiscovery: Sendable {
    private let wellKnown: WellKnownLookup
    private let services: ServiceResolver
    private let port: Int
    private let nowMs: @Sendable () -> Int64
    private let random: @Sendable () -> Double
    private let found = Mutex(BoundedTable<String, ServiceResolver.Found>(capacity: 20_000))
    private let turns = KeyedTurns()

    /// Records hold for as long as they say, within these bounds (milliseconds).
    private static let lifetimes: ClosedRange<Int64> = 60_000...86_400_000
    private static let lifetimeOfNothingMs: Int64 = 3_600_000
    private static let lifetimeOfFailureMs: Int64 = 60_000
    private static let mostPlaces = 4

    /// - Parameter port: 8448, in a test another.
    init(
        wellKnown: WellKnownLookup, services: ServiceResolver, port: Int, nowMs: @escaping @Sendable () -> Int64,
        random: @escaping @Sendable () -> Double
    ) {
        self.wellKnown = wellKnown
        self.services = services
        self.port = port
        self.nowMs = nowMs
        self.random = random
    }

    /// - Throws: ``RemoteFault`` when the server says that it is not to be had; `CancellationError`.
    func route(to server: ServerName) async throws -> ServerRoute {
        if let route = plainRoute(to: server) { return route }
        // "If the hostname is not an IP literal, a regular HTTPS request is made to
        // `https://<hostname>/.well-known/matrix/server`".
        let host = server.host.lowercased()
        guard let delegated = try await wellKnown.delegation(of: host) else {
            return try await routeByService(of: host, authority: server.host)
        }
        if let route = plainRoute(to: delegated) { return route }
        return try await routeByService(of: delegated.host.lowercased(), authority: delegated.host)
    }

    /// Steps 1 and 2, and 3.1 and 3.2 for a delegated name: what the name itself says.
    private func plainRoute(to server: ServerName) -> ServerRoute? {
        if server.isAddressLiteral {
            // "If the hostname is an IP literal, then that IP address should be used, together with the given port number,
            // or 8448 if no port is given. The target server must present a valid certificate for the IP address. The
            // `Host` header in the request should be set to the server name, including the port if the server name included
            // one."
            let isV6 = server.host.utf8.first == UInt8(ascii: "[")
            let address = isV6 ? String(server.host.dropFirst().dropLast()) : server.host
            return ServerRoute(
                places: [.init(host: address, port: server.port.map(Int.init) ?? port)], authority: server.rawValue,
                certificateName: address)
        }
        // "Requests are made to the resolved IP address and given port with a `Host` header of the original server name
        // (with port). The target server must present a valid certificate for the hostname."
        guard let given = server.port else { return nil }
        let host = server.host.lowercased()
        return ServerRoute(
            places: [.init(host: host, port: Int(given))], authority: server.rawValue, certificateName: host)
    }

    /// Steps 4 to 6, and 3.3 to 3.5 for a delegated name: "an SRV record is looked up", else port 8448.
    private func routeByService(of host: String, authority: String) async throws -> ServerRoute {
        var places = [ServerRoute.Place(host: host, port: port)]
        // "**[Deprecated]** If […] a `_matrix-fed._tcp.<hostname>` SRV record was not found, a server is found by resolving
        // an SRV record for `_matrix._tcp.<hostname>`."
        for service in ["_matrix-fed._tcp.", "_matrix._tcp."] {
            guard case .records(let answer) = try await find(service + host) else { continue }
            // "A Target of "." means that the service is decidedly not available at this domain."
            let offered = answer.records.filter { !$0.target.isEmpty && $0.port > 0 }
            guard !offered.isEmpty else { throw RemoteFault.unreachable("the name \(host) offers no Matrix server") }
            places = ServiceOrder.of(offered, random: random).prefix(Self.mostPlaces).map {
                ServerRoute.Place(host: $0.target.lowercased(), port: Int($0.port))
            }
            break
        }
        // "Requests are made to the resolved IP address and port, with a `Host` header of `<hostname>`. The target server
        // must present a valid certificate for `<hostname>`."
        return ServerRoute(places: places, authority: authority, certificateName: host)
    }

    private func find(_ name: String) async throws -> ServiceResolver.Found {
        if let known = found.withLock({ $0.value(name, nowMs: nowMs()) }) { return known }
        return try await turns.run(name) {
            if let known = found.withLock({ $0.value(name, nowMs: nowMs()) }) { return known }
            let new = try await services.find(name)
            let lifetime =
                switch new {
                case .records(let answer):
                    min(max(Int64(answer.lifetime) * 1000, Self.lifetimes.lowerBound), Self.lifetimes.upperBound)
                case .nothing: Self.lifetimeOfNothingMs
                case .failed: Self.lifetimeOfFailureMs
                }
            let now = nowMs()
            found.withLock { $0.set(new, name, untilMs: now + lifetime, nowMs: now) }
            return new
        }
    }
}
