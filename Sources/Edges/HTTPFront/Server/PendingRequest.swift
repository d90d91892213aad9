import NIOHTTP1

/// A request whose head has come and whose body has not come entirely.
struct PendingRequest {
    /// What will be done when the request is complete.
    enum Plan {
        case handle(route: Int)
        case refuse(HTTPResponse)
    }

    let method: HTTPMethod
    let target: RequestTarget?
    let headers: HTTPHeaders
    let plan: Plan
    let framing: ResponseFraming
    /// As declared, or nil if there is none or it comes in chunks.
    let declaredLength: Int?
    let isChunked: Bool
    let maxBodyBytes: Int
    let expectsContinue: Bool
    /// Whether the handler takes the body as it comes.
    let streamsBody: Bool
    var body: [UInt8] = []
    var received = 0
    /// What of `body` was added to the count of buffered bytes.
    var accounted = 0

    /// How much of a body is read only to be dropped, so that the connection can be kept.
    private static let maxDropped = 64 << 10

    init(_ head: HTTPRequestHead, context: ListenerContext, remoteAddress: String) {
        let method = HTTPMethod(head.method)
        let target = RequestTarget(head.uri)
        var cors = true
        var plan: Plan
        var maxBody = Self.maxDropped
        var streams = false
        if head.method == .OPTIONS {
            // > Servers MUST expect that clients will approach them with OPTIONS requests […] the server MUST NOT
            // > perform any logic defined for the endpoints when approached with an OPTIONS request.
            plan = .refuse(HTTPResponse(status: 204))
        } else if let target {
            switch context.router.match(method, target.segments, resources: context.listener.resources) {
            case .found(let route):
                let options = context.router.routes[route].options
                plan = .handle(route: route)
                cors = options.cors
                maxBody = options.maxBodyBytes ?? context.limits.maxBodyBytes
                streams = options.streamsBody
                if let limited = Self.limited(options, context, remoteAddress) {
                    plan = .refuse(limited)
                    streams = false
                    maxBody = Self.maxDropped
                }
            case .wrongMethod(let allowed):
                var error = MatrixError.unrecognizedMethod
                error.headers = [("Allow", (allowed.map(\.name) + ["OPTIONS"]).joined(separator: ", "))]
                plan = .refuse(error.response)
            case .unknownPath: plan = .refuse(MatrixError.unrecognizedPath.response)
            }
        } else {
            plan = .refuse(
                .matrixError(400, "M_INVALID_PARAM", "The request target is not a valid percent-encoded path"))
        }
        self.method = method
        self.target = target
        headers = head.headers
        self.plan = plan
        maxBodyBytes = maxBody
        streamsBody = streams
        let length = head.headers.first(name: "content-length").flatMap { Int($0) }
        isChunked = head.headers.contains(name: "transfer-encoding")
        declaredLength = isChunked ? nil : length
        expectsContinue =
            head.version.minor >= 1 && head.headers.first(name: "expect")?.lowercased() == "100-continue"
        // After a request to change the protocol the decoder takes nothing more. We change to none: the client may ask
        // again on a new connection.
        let wantsOther = head.method == .CONNECT || head.headers.contains(name: "upgrade")
        framing = ResponseFraming(
            keepsAlive: head.isKeepAlive && !wantsOther && !context.shutdown.isTriggered, isHead: head.method == .HEAD,
            isHTTP10: head.version.minor < 1, cors: cors)
    }

    /// Whether bytes of a body are still to come.
    var hasBody: Bool { isChunked || (declaredLength ?? 0) > 0 }

    var isRefused: Bool {
        if case .refuse = plan { return true }
        return false
    }

    private static func limited(
        _ options: RouteOptions, _ context: ListenerContext, _ remoteAddress: String
    ) -> HTTPResponse? {
        guard let limitClass = options.rateLimitClass, let limiter = context.rateLimiter,
            !context.unlimitedAddresses.contains(remoteAddress),
            case .limited(let milliseconds) = limiter.check(limitClass, key: remoteAddress)
        else { return nil }
        return MatrixError.limitExceeded(retryAfterMilliseconds: milliseconds).response
    }
}
