import CanonicalJSON

/// One request and the way back: what a handler's thread needs to answer it.
struct Exchange: Sendable {
    let request: HTTPRequest
    /// The place of the route in the router.
    let route: Int
    let framing: ResponseFraming
    let context: ListenerContext
    /// What the body adds to the count of buffered bytes.
    let bodyBytes: Int

    /// Notes that the handler begins.
    func begin() { context.metrics.requestsInFlight.add(1) }

    /// Notes that the handler has ended, and renders what it answered.
    func end(_ result: Result<HTTPResponse, any Error>) -> RenderedResponse {
        let response: HTTPResponse
        switch result {
        case .success(let answered): response = answered
        case .failure(let error as MatrixError): response = error.response
        case .failure(is CancellationError):
            // The client went away: nobody reads this answer, and nothing failed.
            response =
                MatrixError(status: 499, errcode: "M_UNKNOWN", message: "The client closed the connection").response
        case .failure(let error):
            context.log.error(
                "request failed",
                [
                    ("request", request.requestID), ("route", request.routeTemplate),
                    ("fault", String(describing: error)),
                ])
            response = MatrixError.internalFault(requestID: request.requestID).response
        }
        var framing = framing
        // What still comes of the body will not be read: the connection cannot be used again.
        if request.isReceiving { framing.keepsAlive = false }
        let rendered = framing.render(response, date: context.dateField)
        note(rendered)
        return rendered
    }

    private func note(_ rendered: RenderedResponse) {
        let elapsed = MonotonicTime.nanoseconds() &- request.receivedAt
        context.metrics.observe(route: route, status: rendered.status, nanoseconds: elapsed)
        context.metrics.bufferedBodyBytes.add(-bodyBytes)
        context.metrics.requestsInFlight.add(-1)
        let level: StructuredLog.Level = context.logsRequests ? .info : .debug
        guard context.log.writes(level) else { return }
        let pairs = [
            ("request", request.requestID), ("path", request.rawPath), ("status", String(rendered.status)),
            ("bytes", String(rendered.bodyLength)), ("microseconds", String(elapsed / 1000)),
            ("remote", request.remoteAddress),
        ]
        if level == .info { context.log.info("request", pairs) } else { context.log.debug("request", pairs) }
    }
}
