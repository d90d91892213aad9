import CanonicalJSON
package import EventSigning
package import FederationCommands
package import MatrixIdentifiers
import OutboundHTTP

/// Asks other servers over HTTPS, in this server's name: finds them, signs requests, keeps connections, and leaves those alone
/// for a while that do not answer.
package final class FederationClient: RemoteServers {
    private let serverName: ServerName
    private let signingKey: SigningKey
    private let peers: FederationPeers
    private let settings: FederationClientSettings
    private let nowMs: @Sendable () -> Int64
    private let outbound: OutboundClient
    private let services: ServiceResolver
    private let discovery: ServerDiscovery
    /// Who does not answer.
    package let backOff: BackOff

    /// - Parameter random: a number from 0 to 1 that nobody can guess.
    /// - Throws: when a file of authorities cannot be read.
    package init(
        serverName: ServerName, signingKey: SigningKey, peers: FederationPeers, settings: FederationClientSettings,
        nowMs: @escaping @Sendable () -> Int64, random: @escaping @Sendable () -> Double
    ) throws {
        self.serverName = serverName
        self.signingKey = signingKey
        self.peers = peers
        self.settings = settings
        self.nowMs = nowMs
        var connecting = OutboundClient.Settings(policy: settings.policy)
        connecting.verifiesCertificates = settings.verifiesCertificates
        connecting.authorityFiles = settings.authorityFiles
        connecting.connectTimeoutMs = settings.connectTimeoutMs
        connecting.lookUp = settings.lookUp
        connecting.resolverThreads = 16
        outbound = try OutboundClient(connecting)
        services = ServiceResolver(nameServer: settings.nameServer)
        backOff = BackOff(policy: settings.backOff, nowMs: nowMs, random: random)
        let unverified = settings.unverifiedHosts
        let wellKnown = WellKnownLookup(
            client: outbound, port: settings.wellKnownPort,
            verifiesCertificate: { host in !unverified.contains { $0.matches(host) } }, nowMs: nowMs, random: random)
        discovery = ServerDiscovery(
            wellKnown: wellKnown, services: services, port: settings.port, nowMs: nowMs, random: random)
    }

    /// Ends the client's threads; nobody may be asked afterwards.
    package func shutDown() async {
        await outbound.shutDown()
        await services.shutDown()
    }

    package func send(_ request: RemoteRequest) async throws -> RemoteAnswer {
        let server = request.destination
        guard peers.includes(server) else {
            throw RemoteFault.unreachable("this server does not federate with \(server)")
        }
        if !request.ignoresBackOff, let until = backOff.retryAt(server) {
            throw RemoteFault.backingOff(untilMs: until)
        }
        let begun = nowMs()
        do {
            let answer = try await exchange(request, deadlineMs: begun + (request.timeoutMs ?? settings.timeoutMs))
            if answer.status >= 500 {
                backOff.failed(server, begunMs: begun)
            } else {
                backOff.succeeded(server)
            }
            return answer
        } catch let fault as RemoteFault {
            switch fault {
            case .unreachable, .timedOut: backOff.failed(server, begunMs: begun)
            case .backingOff, .refused, .malformed: break
            }
            throw fault
        }
    }

    /// Connections that are kept for the next request.
    package var idleConnections: Int { outbound.idleConnections }

    /// Where a server is reached.
    package func route(to server: ServerName) async throws -> ServerRoute { try await discovery.route(to: server) }

    private func exchange(_ request: RemoteRequest, deadlineMs: Int64) async throws -> RemoteAnswer {
        guard Self.isPlain(request.target) else { throw RemoteFault.malformed("the target of the request is no path") }
        let route = try await discovery.route(to: request.destination)
        let body = request.body?.canonicalBytes()
        let fields = try fields(of: request, body)
        var last = RemoteFault.unreachable("it has no address")
        for place in route.places {
            let remaining = deadlineMs - nowMs()
            guard remaining > 0 else { throw RemoteFault.timedOut }
            let outgoing = OutboundRequest(
                request.method.outbound, isTLS: true, host: place.host, port: place.port, authority: route.authority,
                target: request.target, fields: fields, body: body ?? [], largestAnswer: request.largestAnswer,
                certificateName: route.certificateName,
                verifiesCertificate: !settings.unverifiedHosts.contains { $0.matches(route.certificateName) },
                keepsConnection: true)
            do {
                let answer = try await outbound.send(outgoing, timeoutMs: remaining)
                if answer.isCut { throw RemoteFault.malformed("longer than \(request.largestAnswer) bytes") }
                return RemoteAnswer(status: answer.status, body: answer.body)
            } catch let fault as OutboundFault {
                switch fault {
                case .timedOut: throw RemoteFault.timedOut
                case .unknownHost, .forbiddenAddress, .notConnected: last = .unreachable(fault.description)
                // It may have been done, so nobody else is asked to do it.
                case .closedEarly, .broken, .tooLarge: throw RemoteFault.unreachable(fault.description)
                }
            }
        }
        throw last
    }

    private func fields(of request: RemoteRequest, _ body: [UInt8]?) throws -> [(name: String, value: String)] {
        var fields = [
            (name: "User-Agent", value: "Engram"), (name: "Accept", value: "application/json"),
            // What is packed small and unpacks to a great deal would pass the limit.
            (name: "Accept-Encoding", value: "identity"),
        ]
        if body != nil { fields.append((name: "Content-Type", value: "application/json")) }
        guard request.isSigned else { return fields }
        // "The server names in the JSON above are the server names for each homeserver involved. Delegation from the server
        // name resolution section above do not affect these".
        let signature = RequestSignature(
            method: request.method.rawValue, target: request.target, origin: serverName,
            destination: request.destination.rawValue, content: body)
        let header = try signature.signed(with: signingKey, to: request.destination)
        fields.append((name: "Authorization", value: header.text))
        return fields
    }

    /// Nothing that could end the line of a request, or the word in it.
    private static func isPlain(_ target: String) -> Bool {
        target.utf8.first == UInt8(ascii: "/") && target.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F }
    }
}

extension RemoteRequest.Method {
    fileprivate var outbound: OutboundRequest.Method {
        switch self {
        case .get: .get
        case .post: .post
        case .put: .put
        }
    }
}
