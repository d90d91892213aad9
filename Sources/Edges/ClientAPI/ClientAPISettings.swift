package import CommandHandling
package import Queries

/// What the configuration says about the client-server API. The names are Synapse's, where it has the setting.
package struct ClientAPISettings: Sendable {
    /// `public_baseurl`: what `/.well-known/matrix/client` names; nil answers 404 there.
    package var publicBaseURL: String?
    /// What `/.well-known/matrix/support` says; with nothing to say it answers 404.
    package var support = SupportInformation()
    /// `enable_registration`.
    package var registrationEnabled = false
    /// `registration_requires_token`.
    package var registrationRequiresToken = false
    /// `registration_shared_secret`: nil turns `/_synapse/admin/v1/register` off.
    package var registrationSharedSecret: String?
    /// `allow_guest_access`.
    package var guestAccessAllowed = false
    /// `password_config.enabled`.
    package var passwordLoginEnabled = true
    /// `login_via_existing_session.enabled`.
    package var loginTokensEnabled = true
    /// `enable_set_displayname`.
    package var displayNameChangesEnabled = true
    /// `enable_set_avatar_url`.
    package var avatarChangesEnabled = true
    /// `require_auth_for_profile_requests`.
    package var profilesRequireLogin = false
    /// `allow_public_rooms_without_auth`.
    package var publicRoomsWithoutLogin = false
    /// `push.allow_http`: whether push gateways may be named by URLs without TLS.
    package var plainPushGatewaysAllowed = false
    /// `server_notices`.
    package var serverNotices: ServerNoticeSettings?
    /// What may be sent later.
    package var delayedEvents = DelayedEventSettings()
    /// The `turn_*` settings.
    package var turn = TURNSettings()
    /// The settings below `user_directory`.
    package var userDirectory = UserDirectoryQueries.Settings()
    /// The software's version, for `/_synapse/admin/v1/server_version`.
    package var softwareVersion = "dev"
    /// The `rc_*` settings.
    package var limits = ClientRateLimits()
    /// The longest a `/sync` waits.
    package var maximumSyncTimeoutMs: Int64 = 300_000

    package init() {}
}
