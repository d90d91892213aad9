package import CommandHandling
package import HTTPFront

/// The server-server API: one extension for each endpoint family of the specification, in `Endpoints`.
package struct FederationAPI: Sendable {
    let environment: CommandEnvironment
    private let authentication: any RequestAuthentication
    /// Of this program, for those who ask.
    let softwareVersion: String

    package init(
        environment: CommandEnvironment, authentication: any RequestAuthentication, softwareVersion: String
    ) {
        self.environment = environment
        self.authentication = authentication
        self.softwareVersion = softwareVersion
    }

    /// Every endpoint, for the router.
    package var routes: [Route] {
        var table = FederationTable(authentication: authentication, nowMs: environment.nowMs)
        addVersion(to: &table)
        return table.routes
    }
}
