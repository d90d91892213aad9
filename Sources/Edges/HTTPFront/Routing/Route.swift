/// One endpoint: a method, a path template, and what answers.
///
/// A template is made of `/literal` segments, `/{name}` segments that match anything that is not empty,
/// `/{name:a|b}` segments that match one of the literals, and at the end perhaps `/{name*}`, which matches all the rest.
package struct Route: Sendable {
    /// What answers, and where it runs.
    package enum Handler: Sendable {
        /// On the event loop: must not block, and must be done in well under 100 µs.
        case immediate(@Sendable (HTTPRequest) throws -> HTTPResponse)
        /// On a thread of the bounded pool: may read LMDB.
        case pooled(@Sendable (HTTPRequest) throws -> HTTPResponse)
        /// As a task whose steps run on the bounded pool; while it is suspended it holds no thread.
        case async(@Sendable (HTTPRequest) async throws -> HTTPResponse)
    }

    package let method: HTTPMethod
    package let template: String
    package let options: RouteOptions
    package let handler: Handler

    let segments: [RouteSegment]
    let parameterNames: [String]
    let parameterPlaces: [Int]

    package init(
        _ method: HTTPMethod, _ template: String, options: RouteOptions = RouteOptions(), _ handler: Handler
    ) {
        self.method = method
        self.template = template
        self.options = options
        self.handler = handler
        segments = template.split(separator: "/").map { RouteSegment($0) }
        var names: [String] = []
        var places: [Int] = []
        for (place, segment) in segments.enumerated() {
            switch segment {
            case .literal: continue
            case .parameter(let name, _):
                names.append(name)
                places.append(place)
            case .rest(let name):
                names.append(name)
                places.append(~place)
            }
        }
        parameterNames = names
        parameterPlaces = places
    }
}

/// One segment of a template.
enum RouteSegment: Sendable, Hashable {
    case literal(String)
    case parameter(name: String, choices: [String])
    case rest(name: String)

    init(_ text: Substring) {
        guard text.first == "{", text.last == "}", text.count > 2 else {
            self = .literal(String(text))
            return
        }
        let inner = text.dropFirst().dropLast()
        if inner.last == "*" {
            self = .rest(name: String(inner.dropLast()))
        } else if let colon = inner.firstIndex(of: ":") {
            let choices = inner[inner.index(after: colon)...].split(separator: "|").map(String.init)
            self = .parameter(name: String(inner[..<colon]), choices: choices)
        } else {
            self = .parameter(name: String(inner), choices: [])
        }
    }
}
