/// Why a request to the outside did not succeed.
package enum GatewayFault: Error, Sendable, Hashable, CustomStringConvertible {
    case unknownHost
    /// All addresses of the host are in ranges that are not allowed.
    case forbiddenAddress
    case notConnected(String)
    case timedOut
    case closedEarly
    case tooLarge

    package var description: String {
        switch self {
        case .unknownHost: "the host has no address"
        case .forbiddenAddress: "the host's address is in a range that is not allowed"
        case .notConnected(let reason): "no connection: \(reason)"
        case .timedOut: "no answer in time"
        case .closedEarly: "the connection was closed before the answer was complete"
        case .tooLarge: "the answer is too large"
        }
    }
}
