/// A rate limit as Synapse writes it: so many a second on average, so many at once.
package struct RateSetting: Sendable, Hashable {
    package var perSecond: Double
    package var burstCount: Double

    package init(_ perSecond: Double, _ burstCount: Double) {
        self.perSecond = perSecond
        self.burstCount = burstCount
    }
}

/// All `rc_*` settings, with Synapse's defaults.
package struct RateSettings: Sendable, Hashable {
    package var message = RateSetting(0.2, 10)
    package var registration = RateSetting(0.17, 3)
    package var registrationTokenValidity = RateSetting(0.1, 5)
    package var loginAddress = RateSetting(0.003, 5)
    package var loginAccount = RateSetting(0.003, 5)
    package var loginFailedAttempts = RateSetting(0.17, 3)
    package var joinsLocal = RateSetting(0.1, 10)
    package var joinsRemote = RateSetting(0.01, 10)
    package var joinsPerRoom = RateSetting(1, 10)
    package var invitesPerRoom = RateSetting(0.3, 10)
    package var invitesPerUser = RateSetting(0.003, 5)
    package var invitesPerIssuer = RateSetting(0.3, 10)
    package var roomCreation = RateSetting(0.016, 10)
    package var mediaCreate = RateSetting(10, 50)
    package var delayedEventManagement = RateSetting(1, 5)
}
