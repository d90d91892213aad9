package import MatrixIdentifiers

/// A server's configuration: `homeserver.yaml` with Synapse's names where Synapse has the setting.
package struct ServerConfiguration: Sendable {
    package var serverName: ServerName
    package var publicBaseURL: String?
    package var listeners = [ListenerSetting(port: 8008)]
    package var tlsCertificatePath: String?
    package var tlsPrivateKeyPath: String?
    /// Absolute, or relative to where the program was started.
    package var dataDirectory: String
    package var signingKeyPath: String
    package var mediaStorePath: String
    package var registrationSharedSecret: String?
    package var enableRegistration = false
    package var enableRegistrationWithoutVerification = false
    package var registrationRequiresToken = false
    package var allowGuestAccess = false
    package var passwordsEnabled = true
    package var passwordMinimumLength = 0
    package var sessionLifetimeMs: Int64?
    package var refreshableAccessTokenLifetimeMs: Int64? = 300_000
    package var nonRefreshableAccessTokenLifetimeMs: Int64?
    package var refreshTokenLifetimeMs: Int64?
    package var maxUploadSize: Int64 = 50 << 20
    package var media = MediaConfiguration()
    package var defaultRoomVersion = "12"
    package var rates = RateSettings()
    package var enableMetrics = false
    package var enableSetDisplayname = true
    package var enableSetAvatarURL = true
    package var requireAuthForProfileRequests = false
    package var allowPublicRoomsWithoutAuth = false
    package var serveServerWellKnown = false
    package var adminContact: String?
    /// What `/.well-known/matrix/support` answers.
    package var support = SupportConfiguration()
    /// `presence.enabled`.
    package var presenceEnabled = true
    /// `enable_search`.
    package var searchEnabled = true
    package var userDirectory = UserDirectoryConfiguration()
    package var delayedEvents = DelayedEventConfiguration()
    /// Nil: there are no server notices.
    package var serverNotices: ServerNoticesConfiguration?
    package var turnURIs: [String] = []
    package var turnSharedSecret: String?
    package var turnUsername: String?
    package var turnPassword: String?
    package var turnUserLifetimeMs: Int64 = 3_600_000
    package var turnAllowGuests = true
    package var pushEnabled = true
    package var pushIncludesContent = true
    /// Whether phones show the number of rooms with unread messages instead of the number of messages.
    package var pushCountsRooms = false
    package var pushAllowsHTTP = false
    /// What the server may connect to when users name it.
    package var outboundPolicy = AddressPolicy()
    package var verifiesOutboundCertificates = true
    package var federation = FederationConfiguration()
    /// `debug`, `info`, `warning` or `error`.
    package var logLevel = "info"
}
