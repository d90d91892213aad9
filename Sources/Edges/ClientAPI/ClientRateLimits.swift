package import HTTPFront

/// The `rc_*` settings, with Synapse's defaults. A limit of zero per second is no limit.
package struct ClientRateLimits: Sendable {
    /// `rc_message`, for each user.
    package var message = RateLimiter.Limit(perSecond: 0.2, burst: 10)
    /// `rc_registration`, for each address.
    package var registration = RateLimiter.Limit(perSecond: 0.17, burst: 3)
    /// `rc_registration_token_validity`, for each address.
    package var registrationTokenValidity = RateLimiter.Limit(perSecond: 0.1, burst: 5)
    /// `rc_login.address`.
    package var loginAddress = RateLimiter.Limit(perSecond: 0.003, burst: 5)
    /// `rc_login.account`.
    package var loginAccount = RateLimiter.Limit(perSecond: 0.003, burst: 5)
    /// `rc_login.failed_attempts`, for each account.
    package var loginFailedAttempts = RateLimiter.Limit(perSecond: 0.17, burst: 3)
    /// `rc_joins.local`, for each user.
    package var joinsLocal = RateLimiter.Limit(perSecond: 0.1, burst: 10)
    /// `rc_joins.remote`, for each user.
    package var joinsRemote = RateLimiter.Limit(perSecond: 0.01, burst: 10)
    /// `rc_joins_per_room`.
    package var joinsPerRoom = RateLimiter.Limit(perSecond: 1, burst: 10)
    /// `rc_invites.per_room`.
    package var invitesPerRoom = RateLimiter.Limit(perSecond: 0.3, burst: 10)
    /// `rc_invites.per_user`, for each invited user.
    package var invitesPerUser = RateLimiter.Limit(perSecond: 0.003, burst: 5)
    /// `rc_invites.per_issuer`.
    package var invitesPerIssuer = RateLimiter.Limit(perSecond: 0.3, burst: 10)
    /// `rc_room_creation`, for each user.
    package var roomCreation = RateLimiter.Limit(perSecond: 0.016, burst: 10)
    /// `rc_media_create`, for each user.
    package var mediaCreate = RateLimiter.Limit(perSecond: 10, burst: 50)
    /// `rc_delayed_event_mgmt`, for each user.
    package var delayedEventManagement = RateLimiter.Limit(perSecond: 1, burst: 5)

    package init() {}
}

/// Counts what clients do against ``ClientRateLimits``.
struct RateGate: Sendable {
    enum Action: String, Sendable {
        case message, registration, registrationTokenValidity, loginAddress, loginAccount, loginFailedAttempts
        case joinsLocal, joinsRemote, joinsPerRoom, invitesPerRoom, invitesPerUser, invitesPerIssuer, roomCreation
        case mediaCreate, delayedEventManagement
    }

    let limits: ClientRateLimits
    private let limiter = RateLimiter()

    init(limits: ClientRateLimits) {
        self.limits = limits
    }

    /// Counts an action, or refuses it with M_LIMIT_EXCEEDED.
    ///
    /// - Parameter counts: false asks only, for what is counted when it has failed.
    func pass(_ action: Action, _ subject: String, counts: Bool = true) throws(MatrixError) {
        let verdict = limiter.check(action.rawValue, key: subject, limit: limit(of: action), counts: counts)
        if case .limited(let milliseconds) = verdict {
            throw MatrixError.limitExceeded(retryAfterMilliseconds: milliseconds)
        }
    }

    private func limit(of action: Action) -> RateLimiter.Limit {
        switch action {
        case .message: limits.message
        case .registration: limits.registration
        case .registrationTokenValidity: limits.registrationTokenValidity
        case .loginAddress: limits.loginAddress
        case .loginAccount: limits.loginAccount
        case .loginFailedAttempts: limits.loginFailedAttempts
        case .joinsLocal: limits.joinsLocal
        case .joinsRemote: limits.joinsRemote
        case .joinsPerRoom: limits.joinsPerRoom
        case .invitesPerRoom: limits.invitesPerRoom
        case .invitesPerUser: limits.invitesPerUser
        case .invitesPerIssuer: limits.invitesPerIssuer
        case .roomCreation: limits.roomCreation
        case .mediaCreate: limits.mediaCreate
        case .delayedEventManagement: limits.delayedEventManagement
        }
    }
}
