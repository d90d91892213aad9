/// Where and how the server listens, and its limits.
package struct HTTPServerConfiguration: Sendable {
    package var listeners: [HTTPListener]
    package var limits: HTTPLimits
    /// Two are enough for any machine we have measured: handlers run on the pool.
    package var eventLoopThreads: Int
    /// Counts requests of routes with a `rateLimitClass`, by client address.
    package var rateLimiter: RateLimiter?
    /// Addresses of clients that rate limits do not concern, such as the operator's own bridges.
    package var unlimitedAddresses: Set<String>
    /// Whether each request is written to the log at level info (otherwise at debug).
    package var logsRequests: Bool

    package init(
        listeners: [HTTPListener], limits: HTTPLimits = HTTPLimits(), eventLoopThreads: Int = 2,
        rateLimiter: RateLimiter? = nil, unlimitedAddresses: Set<String> = [], logsRequests: Bool = false
    ) {
        self.listeners = listeners
        self.limits = limits
        self.eventLoopThreads = eventLoopThreads
        self.rateLimiter = rateLimiter
        self.unlimitedAddresses = unlimitedAddresses
        self.logsRequests = logsRequests
    }
}

/// One address that the server listens on.
package struct HTTPListener: Sendable {
    package var host: String
    /// Zero asks the system for a free one.
    package var port: Int
    /// A Unix-domain socket; then host and port do not count.
    package var unixPath: String?
    package var tls: TLSFiles?
    /// Whether a proxy in front sets `X-Forwarded-For` and `X-Forwarded-Proto`.
    package var xForwarded: Bool
    /// How many trusted proxies add to `X-Forwarded-For`. The entry so many places from the right is the client;
    /// what stands to the left of it was sent by the client itself and could be anything.
    package var trustedProxies: Int
    /// The resources that are served here (`RouteOptions.resource`); all if empty.
    package var resources: Set<String>

    package init(
        host: String = "127.0.0.1", port: Int, unixPath: String? = nil, tls: TLSFiles? = nil,
        xForwarded: Bool = false, trustedProxies: Int = 1, resources: Set<String> = []
    ) {
        self.host = host
        self.port = port
        self.unixPath = unixPath
        self.tls = tls
        self.xForwarded = xForwarded
        self.trustedProxies = trustedProxies
        self.resources = resources
    }
}

/// The certificate chain and the key of a listener, PEM files.
package struct TLSFiles: Sendable, Hashable {
    package var certificateChainPath: String
    package var privateKeyPath: String

    package init(certificateChainPath: String, privateKeyPath: String) {
        self.certificateChainPath = certificateChainPath
        self.privateKeyPath = privateKeyPath
    }
}

/// An address that the server is bound to.
package struct BoundAddress: Sendable, Hashable {
    package let host: String
    package let port: Int
    package let unixPath: String?
}

/// What a client may cost. Times are in milliseconds.
package struct HTTPLimits: Sendable {
    /// All header fields of a request with their names, and also the request line.
    package var maxHeaderBytes = 32 << 10
    package var maxHeaderFields = 128
    /// The largest body for routes that name no limit of their own.
    package var maxBodyBytes = 1 << 20
    /// The bodies of all requests together that are not answered yet.
    package var maxBufferedBodyBytes = 512 << 20
    /// From the accepted connection to the end of the first header.
    package var headerTimeout: Int64 = 20_000
    /// For the body, besides what `minBodyBytesPerSecond` grants for its length.
    package var bodyTimeout: Int64 = 20_000
    package var minBodyBytesPerSecond = 4096
    /// From one response to the end of the next header.
    package var idleTimeout: Int64 = 75_000
    /// For the client to take a response, besides what `minBodyBytesPerSecond` grants for its length.
    package var writeTimeout: Int64 = 30_000
    /// How long a connection that we have answered with an early error may still send what we do not read.
    package var lingerTimeout: Int64 = 2000
    package var maxConnections = 20_000

    package init() {}
}
