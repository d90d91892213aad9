package import CommandHandling
package import MatrixIdentifiers
import OutboundHTTP

/// What carries a body to a push gateway; tests put another in its place.
package protocol PushGatewayClient: Sendable {
    /// Posts JSON and answers the status and the body.
    func post(_ body: [UInt8], to url: GatewayURL) async throws -> GatewayAnswer
}

package struct GatewayAnswer: Sendable, Hashable {
    package let status: Int
    package let body: [UInt8]

    package init(status: Int, body: [UInt8]) {
        self.status = status
        self.body = body
    }
}

/// Posts to push gateways.
package final class GatewayClient: PushGatewayClient {
    /// What differs between a server in the world and one in a test.
    package struct Settings: Sendable {
        package var policy = AddressPolicy()
        /// `use_insecure_ssl_client_just_for_testing_do_not_use`.
        package var verifiesCertificates = true
        package var connectTimeoutMs: Int64 = 10_000
        package var timeoutMs: Int64 = 30_000
        package var largestAnswer = 65_536

        package init() {}
    }

    private let client: OutboundClient
    private let settings: Settings

    package init(settings: Settings = Settings()) throws {
        self.settings = settings
        var outbound = OutboundClient.Settings(policy: settings.policy)
        outbound.verifiesCertificates = settings.verifiesCertificates
        outbound.connectTimeoutMs = settings.connectTimeoutMs
        client = try OutboundClient(outbound)
    }

    /// Ends the client's threads; nothing may be posted afterwards.
    package func shutDown() async { await client.shutDown() }

    /// - Throws: ``OutboundFault``.
    package func post(_ body: [UInt8], to url: GatewayURL) async throws -> GatewayAnswer {
        let request = OutboundRequest(
            .post, isTLS: url.isTLS, host: url.host, port: url.port, authority: url.authority, target: url.target,
            fields: [
                (name: "Content-Type", value: "application/json"), (name: "User-Agent", value: "Engram"),
                (name: "Accept", value: "application/json"),
            ],
            body: body, largestAnswer: settings.largestAnswer)
        let answer = try await client.send(request, timeoutMs: settings.timeoutMs)
        if answer.isCut { throw OutboundFault.tooLarge }
        return GatewayAnswer(status: answer.status, body: answer.body)
    }
}
