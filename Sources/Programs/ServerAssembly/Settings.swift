import CanonicalJSON
import ClientAPI
import CommandHandling
package import Configuration
package import EventSigning
import HTTPFront
import Queries

// What the parts take as settings, made from the configuration.

extension ServerConfiguration {
    /// Reads the signing key file.
    package func readSigningKey() throws -> SigningKey {
        let bytes: [UInt8]
        do {
            bytes = try PrivateFile.read(signingKeyPath, limit: 1 << 16)
        } catch {
            throw DataDirectory.Failure(
                "\(error) It holds the server's identity: restore it, or make a first one with `engram init`.")
        }
        do {
            return try SigningKey(fileText: String(decoding: bytes, as: UTF8.self))
        } catch {
            throw DataDirectory.Failure("\(signingKeyPath) has no signing key: \(error)")
        }
    }

    /// A server that has never run gets a signing key; one that has a log must find its own, which is its identity.
    func makeFirstSigningKey(_ data: DataDirectory, log: StructuredLog) throws {
        guard !DataDirectory.exists(signingKeyPath), !DataDirectory.exists(data.log + "/data.mdb") else { return }
        let key = SigningKey.generate(version: "a_" + Randomness.letters(4))
        try PrivateFile.write(key.fileText + "\n", to: signingKeyPath)
        log.info("made a signing key; keep a copy of it", [("path", signingKeyPath)])
    }

    var structuredLogLevel: StructuredLog.Level {
        switch logLevel {
        case "debug": .debug
        case "warning": .warning
        case "error": .error
        default: .info
        }
    }
}

extension HTTPServerConfiguration {
    init(_ configuration: ServerConfiguration) {
        let tls = configuration.tlsCertificatePath.flatMap { certificate in
            configuration.tlsPrivateKeyPath.map { TLSFiles(certificateChainPath: certificate, privateKeyPath: $0) }
        }
        let listeners = configuration.listeners.flatMap { setting -> [HTTPListener] in
            var resources = setting.resources
            if configuration.enableMetrics { resources.insert("metrics") }
            // As Synapse has it: who asks this server for something wants to know its keys first.
            if resources.contains("federation") { resources.insert("keys") }
            if !resources.isDisjoint(with: ["client", "federation"]) { resources.insert("openid") }
            let hosts = setting.unixPath == nil ? setting.addresses : ["localhost"]
            return hosts.map { host in
                HTTPListener(
                    host: host, port: setting.port, unixPath: setting.unixPath, tls: setting.isTLS ? tls : nil,
                    xForwarded: setting.xForwarded, resources: resources)
            }
        }
        self.init(listeners: listeners, eventLoopThreads: 2)
        logsRequests = configuration.logLevel == "debug"
    }
}

extension AccountSettings {
    init(_ configuration: ServerConfiguration) {
        self.init()
        sessionLifetimeMs = configuration.sessionLifetimeMs
        refreshableAccessTokenLifetimeMs = configuration.refreshableAccessTokenLifetimeMs
        nonRefreshableAccessTokenLifetimeMs = configuration.nonRefreshableAccessTokenLifetimeMs
        refreshTokenLifetimeMs = configuration.refreshTokenLifetimeMs
        minimumPasswordLength = configuration.passwordMinimumLength
    }
}

extension ClientAPISettings {
    init(_ configuration: ServerConfiguration) {
        self.init()
        publicBaseURL = configuration.publicBaseURL
        support.contacts = configuration.support.contacts.map {
            SupportInformation.Contact(role: $0.role, matrixID: $0.matrixID, emailAddress: $0.emailAddress)
        }
        support.page = configuration.support.page
        registrationEnabled = configuration.enableRegistration
        registrationRequiresToken = configuration.registrationRequiresToken
        registrationSharedSecret = configuration.registrationSharedSecret
        guestAccessAllowed = configuration.allowGuestAccess
        passwordLoginEnabled = configuration.passwordsEnabled
        displayNameChangesEnabled = configuration.enableSetDisplayname
        avatarChangesEnabled = configuration.enableSetAvatarURL
        profilesRequireLogin = configuration.requireAuthForProfileRequests
        publicRoomsWithoutLogin = configuration.allowPublicRoomsWithoutAuth
        limits = ClientRateLimits(configuration.rates)
        plainPushGatewaysAllowed = configuration.pushAllowsHTTP
        userDirectory.isEnabled = configuration.userDirectory.isEnabled
        userDirectory.searchesAllUsers = configuration.userDirectory.searchesAllUsers
        userDirectory.prefersLocalUsers = configuration.userDirectory.prefersLocalUsers
        userDirectory.showsLockedUsers = configuration.userDirectory.showsLockedUsers
        userDirectory.excludesRemoteUsers = configuration.userDirectory.excludesRemoteUsers
        serverNotices = configuration.serverNotices.map(ServerNoticeSettings.init)
        delayedEvents.longestDelayMs = configuration.delayedEvents.longestDelayMs
        delayedEvents.mostPerUser = configuration.delayedEvents.mostPerUser
        turn.uris = configuration.turnURIs
        turn.sharedSecret = configuration.turnSharedSecret
        turn.username = configuration.turnUsername
        turn.password = configuration.turnPassword
        turn.lifetimeMs = configuration.turnUserLifetimeMs
        turn.guestsAllowed = configuration.turnAllowGuests
    }
}

extension ServerNoticeSettings {
    init(_ configuration: ServerNoticesConfiguration) {
        self.init(userID: configuration.userID)
        displayName = configuration.displayName
        avatarURL = configuration.avatarURL
        if let name = configuration.roomName { roomName = name }
        roomAvatarURL = configuration.roomAvatarURL
        roomTopic = configuration.roomTopic
        joinsAutomatically = configuration.joinsAutomatically
    }
}

extension ClientRateLimits {
    init(_ rates: RateSettings) {
        self.init()
        func limit(_ rate: RateSetting) -> RateLimiter.Limit {
            RateLimiter.Limit(perSecond: rate.perSecond, burst: rate.burstCount)
        }
        message = limit(rates.message)
        registration = limit(rates.registration)
        registrationTokenValidity = limit(rates.registrationTokenValidity)
        loginAddress = limit(rates.loginAddress)
        loginAccount = limit(rates.loginAccount)
        loginFailedAttempts = limit(rates.loginFailedAttempts)
        joinsLocal = limit(rates.joinsLocal)
        joinsRemote = limit(rates.joinsRemote)
        joinsPerRoom = limit(rates.joinsPerRoom)
        invitesPerRoom = limit(rates.invitesPerRoom)
        invitesPerUser = limit(rates.invitesPerUser)
        invitesPerIssuer = limit(rates.invitesPerIssuer)
        roomCreation = limit(rates.roomCreation)
        mediaCreate = limit(rates.mediaCreate)
        delayedEventManagement = limit(rates.delayedEventManagement)
    }
}
