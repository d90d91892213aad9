import NIOHTTP1

/// The request methods this front tells apart.
package enum HTTPMethod: UInt8, Sendable, Hashable, CaseIterable {
    case get, put, post, delete, head, options, other

    init(_ method: NIOHTTP1.HTTPMethod) {
        switch method {
        case .GET: self = .get
        case .PUT: self = .put
        case .POST: self = .post
        case .DELETE: self = .delete
        case .HEAD: self = .head
        case .OPTIONS: self = .options
        default: self = .other
        }
    }

    /// The method as it is spelled on the wire; `OTHER` stands for all that have no case of their own.
    package var name: String {
        switch self {
        case .get: "GET"
        case .put: "PUT"
        case .post: "POST"
        case .delete: "DELETE"
        case .head: "HEAD"
        case .options: "OPTIONS"
        case .other: "OTHER"
        }
    }
}
