/// Why a request to the outside was not answered.
package enum OutboundFault: Error, Sendable, Hashable, CustomStringConvertible {
    case unknownHost
    /// All addresses of the host are in ranges that are not allowed.
    case forbiddenAddress
    case notConnected(String)
    case timedOut
    case closedEarly
    /// What came was no HTTP, or the two could not agree on a connection.
    case broken(String)
    case tooLarge

    package var description: String {
        switch self {
        case .unknownHost: "the host has no address"
        case .forbiddenAddress: "the host's address is in a range that is not allowed"
        case .notConnected(let reason): "no connection: \(reason)"
        case .timedOut: "no answer in time"
        case .closedEarly: "the connection was closed before the answer was complete"
        case .broken(let reason): "no answer that could be read: \(reason)"
        case .tooLarge: "the answer is too large"
        }
    }
}
