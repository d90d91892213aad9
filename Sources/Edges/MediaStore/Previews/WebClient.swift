package import MatrixIdentifiers
import OutboundHTTP

/// Why a page was not had.
package enum WebFault: Error, Sendable, Hashable {
    case unknownHost
    /// The name leads to addresses that may not be asked.
    case forbiddenAddress
    case notConnected
    case timedOut
    case closedEarly
    case notHTTP
    case tooManyRedirections
    /// It leads to what is no web address, or to one that the configuration forbids.
    case forbiddenURL
    case tooLarge
    case status(Int)

    init(_ fault: OutboundFault) {
        switch fault {
        case .unknownHost: self = .unknownHost
        case .forbiddenAddress: self = .forbiddenAddress
        case .notConnected: self = .notConnected
        case .timedOut: self = .timedOut
        case .closedEarly: self = .closedEarly
        case .broken: self = .notHTTP
        case .tooLarge: self = .tooLarge
        }
    }
}

/// Gets pages of the web.
package final class WebClient: Sendable {
    private let client: OutboundClient

    package init(policy: AddressPolicy, verifiesCertificates: Bool = true) throws {
        var settings = OutboundClient.Settings(policy: policy)
        settings.verifiesCertificates = verifiesCertificates
        client = try OutboundClient(settings)
    }

    /// Ends the client's threads; nothing may be asked afterwards.
    package func shutDown() async { await client.shutDown() }

    /// One request, without following where it leads.
    ///
    /// - Parameter limit: more of the body is not read.
    func get(
        _ url: WebURL, fields: [(name: String, value: String)], limit: Int, timeoutMs: Int64
    ) async throws -> OutboundAnswer {
        // What is packed small and unpacks to a great deal would pass the limit.
        let own = [
            (name: "User-Agent", value: "Engram (bot; +https://github.com/matrix-org/matrix-spec)"),
            (name: "Accept-Encoding", value: "identity"),
        ]
        let request = OutboundRequest(
            .get, isTLS: url.isTLS, host: url.host, port: url.port, authority: url.authority, target: url.target,
            fields: fields + own, largestAnswer: limit)
        do {
            return try await client.send(request, timeoutMs: timeoutMs)
        } catch let fault as OutboundFault {
            throw WebFault(fault)
        }
    }
}
