/// How logins live; the names are those of the configuration.
package struct AccountSettings: Sendable {
    /// `session_lifetime`: every access token ends after it; nil for never.
    package var sessionLifetimeMs: Int64?
    /// `refreshable_access_token_lifetime`: an access token with a refresh token ends after it.
    package var refreshableAccessTokenLifetimeMs: Int64? = 5 * 60 * 1000
    /// `nonrefreshable_access_token_lifetime`: one without ends after it.
    package var nonRefreshableAccessTokenLifetimeMs: Int64?
    /// `refresh_token_lifetime`: how long a refresh token may lie unused.
    package var refreshTokenLifetimeMs: Int64?
    /// The longest password; longer ones only burn time.
    package var maximumPasswordBytes = 512
    /// `password_config.policy.minimum_length`.
    package var minimumPasswordLength = 0

    package init() {}
}
