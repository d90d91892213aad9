package import CanonicalJSON
package import MatrixIdentifiers

/// The other servers of the federation, as commands see them: the client over HTTPS, or a virtual network in a simulation.
package protocol RemoteServers: Sendable {
    /// Sends a request and waits for its answer, whatever its status.
    ///
    /// - Throws: ``RemoteFault`` when there is no answer; `CancellationError`.
    func send(_ request: RemoteRequest) async throws -> RemoteAnswer
}

/// A request to another server, in this server's name.
package struct RemoteRequest: Sendable {
    package enum Method: String, Sendable {
        case get = "GET"
        case post = "POST"
        case put = "PUT"
    }

    package var destination: ServerName
    package var method: Method
    /// The path with its parts percent-encoded, and the query.
    package var target: String
    package var body: JSONObject?
    /// Whether the request says who sends it, and proves it (`Authorization: X-Matrix`).
    package var isSigned: Bool
    /// For everything, finding the server among it; nil: as long as the configuration says.
    package var timeoutMs: Int64?
    /// Longer answers are a fault.
    package var largestAnswer: Int
    /// Whether the server is asked even though it did not answer lately: somebody just heard from it.
    package var ignoresBackOff: Bool

    package init(
        _ method: Method, _ target: String, of destination: ServerName, body: JSONObject? = nil, isSigned: Bool = true,
        timeoutMs: Int64? = nil, largestAnswer: Int = 4 << 20, ignoresBackOff: Bool = false
    ) {
        self.destination = destination
        self.method = method
        self.target = target
        self.body = body
        self.isSigned = isSigned
        self.timeoutMs = timeoutMs
        self.largestAnswer = largestAnswer
        self.ignoresBackOff = ignoresBackOff
    }
}

/// What came back.
package struct RemoteAnswer: Sendable {
    package let status: Int
    package let body: [UInt8]

    package init(status: Int, body: [UInt8]) {
        self.status = status
        self.body = body
    }
}

/// Why another server gave no answer that can be used.
package enum RemoteFault: Error, Sendable, Hashable, CustomStringConvertible {
    /// There is no such server, or no connection to it.
    case unreachable(String)
    /// It did not answer before; it is not asked again until then (milliseconds since 1970).
    case backingOff(untilMs: Int64)
    case timedOut
    /// It answered with an error of its own.
    case refused(status: Int, errcode: String, message: String)
    /// It answered with what no server should answer.
    case malformed(String)

    package var description: String {
        switch self {
        case .unreachable(let reason): "the server cannot be reached: \(reason)"
        case .backingOff: "the server did not answer lately and is left alone for a while"
        case .timedOut: "the server did not answer in time"
        case .refused(let status, let errcode, let message): "the server refused: \(status) \(errcode) \(message)"
        case .malformed(let reason): "the server's answer is malformed: \(reason)"
        }
    }
}
