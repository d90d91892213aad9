import ClientAPI
import CommandHandling
import Configuration
import EventSigning
import FederationAPI
import FederationClient
import FederationCommands
import HTTPFront
import MatrixIdentifiers
import Queries

/// What speaks with other servers, in both directions.
struct Federation: Sendable {
    let client: FederationClient
    let keys: ServerKeys
    /// What other servers say of their users' devices.
    let devices: RemoteDeviceFacts
    /// What users do with the help of other servers.
    let actions: RemoteActions
    private let environment: CommandEnvironment
    private let rooms: RoomCommands
    private let signatures: KeyedSignatures
    private let admission: ServerAdmission
    private let peers: FederationPeers

    init(
        _ configuration: ServerConfiguration, environment: CommandEnvironment, rooms: RoomCommands,
        metrics: MetricsRegistry
    ) throws {
        let own = configuration.federation
        let peers = FederationPeers(own: configuration.serverName, allowed: own.allowedServers)
        self.peers = peers
        self.environment = environment
        self.rooms = rooms
        let client: FederationClient
        do {
            client = try FederationClient(
                serverName: configuration.serverName, signingKey: environment.signingKey, peers: peers,
                settings: FederationClientSettings(configuration), nowMs: environment.nowMs,
                random: { Double.random(in: 0...1) })
        } catch {
            throw DataDirectory.Failure("the certificates of federation_custom_ca_list cannot be read: \(error)")
        }
        self.client = client
        devices = RemoteDeviceFacts(environment: environment)
        keys = ServerKeys(
            environment: environment,
            remotes: client,
            published: PublishedKeys(
                serverName: configuration.serverName, signingKey: environment.signingKey,
                oldKeys: own.oldSigningKeys.map { .init(id: $0.id, publicKey: $0.publicKey, expired: $0.expiredMs) },
                lifetimeMs: own.keyLifetimeMs),
            peers: peers,
            notaries: own.trustedKeyServers.map {
                KeyNotary(
                    serverName: $0.serverName, publicKeys: $0.publicKeys, isTrustedUnsigned: $0.acceptsUnsigned)
            })
        signatures = KeyedSignatures(keys: keys, server: configuration.serverName, signingKey: environment.signingKey)
        admission = ServerAdmission(views: environment.views, census: ServerCensus(views: environment.views))
        actions = RemoteActions(
            membership: RemoteMembership(
                environment: environment, rooms: rooms, remotes: client, signatures: signatures,
                census: admission.census),
            invitations: SentInvitations(
                environment: environment, rooms: rooms, remotes: client, admission: admission),
            history: RemoteHistory(
                environment: environment, rooms: rooms, remotes: client, signatures: signatures,
                census: admission.census),
            lookups: RemoteLookups(remotes: client))
        metrics.gauge(
            "engram_federation_idle_connections", help: "Connections to other servers, kept for the next request."
        ) { Double(client.idleConnections) }
    }

    /// Other servers' users' keys, for clients.
    var remoteKeys: RemoteKeys { RemoteKeys(servers: client, facts: devices) }

    func shutDown() async { await client.shutDown() }

    /// What other servers may ask.
    func routes(
        _ configuration: ServerConfiguration, beside clientAPI: ClientAPI, _ ephemeral: EphemeralState,
        _ reactors: RunningReactors
    ) -> [Route] {
        let intake = EDUIntake(
            environment: environment, ephemeral: ephemeral, keys: clientAPI.keys, devices: devices)
        let authentication = XMatrixAuthentication(
            serverName: configuration.serverName, keys: keys, peers: peers, nowMs: environment.nowMs,
            heard: { [backOff = client.backOff] server in
                backOff.succeeded(server)
                reactors.heard(from: server)
            })
        let api = FederationAPI(
            environment: environment, authentication: authentication,
            softwareVersion: ClientAPISettings(configuration).softwareVersion, rooms: rooms, signatures: signatures,
            remotes: client, admission: admission, takeEDU: { try await intake.take($0, from: $1) },
            settings: FederationAPISettings(configuration))
        let identity = KeyAPI(
            keys: keys, servesWellKnown: configuration.serveServerWellKnown, nowMs: environment.nowMs)
        return api.routes + identity.routes
    }
}

extension FederationAPISettings {
    init(_ configuration: ServerConfiguration) {
        self.init()
        allowsProfileLookup = configuration.federation.allowsProfileLookup
        allowsPublicRooms = configuration.federation.allowsPublicRooms
        namesDevices = configuration.federation.namesDevices
    }
}

extension FederationClientSettings {
    init(_ configuration: ServerConfiguration) {
        self.init()
        let own = configuration.federation
        policy = configuration.outboundPolicy
        if let blocked = own.blockedRanges { policy.blocked = blocked }
        verifiesCertificates = own.verifiesCertificates
        unverifiedHosts = own.unverifiedHosts.map(HostPattern.init)
        authorityFiles = own.authorityFiles
        timeoutMs = own.timeoutMs
        backOff.firstMs = own.firstRetryMs
        backOff.multiplier = own.retryMultiplier
        backOff.longestMs = own.longestRetryMs
    }
}
