import CanonicalJSON
import EndpointSupport
import EventSigning
package import FederationCommands
package import HTTPFront
import MatrixEvents
package import MatrixIdentifiers

/// Says which server a request comes from by its `Authorization: X-Matrix` ("Request Authentication").
package struct XMatrixAuthentication: RequestAuthentication {
    private let serverName: ServerName
    private let keys: ServerKeys
    private let peers: FederationPeers
    private let nowMs: @Sendable () -> Int64
    /// Told of each server that has proven who it is.
    private let heard: @Sendable (ServerName) -> Void

    /// Of one request; a server has one key, or two while it changes.
    private static let mostHeaders = 4

    package init(
        serverName: ServerName, keys: ServerKeys, peers: FederationPeers, nowMs: @escaping @Sendable () -> Int64,
        heard: @escaping @Sendable (ServerName) -> Void
    ) {
        self.serverName = serverName
        self.keys = keys
        self.peers = peers
        self.nowMs = nowMs
        self.heard = heard
    }

    package func origin(of request: HTTPRequest) async throws -> ServerName {
        let headers = try headers(of: request)
        let origin = headers[0].origin
        guard peers.includes(origin) else {
            throw MatrixError(
                status: 403, errcode: "M_FORBIDDEN", message: "This server does not federate with \(origin).")
        }
        let content = try Self.content(of: request)
        for header in headers {
            let signed = RequestSignature(
                method: request.method.name, target: request.target, origin: origin, destination: header.destination,
                content: content)
            guard let publicKey = try await publicKey(header),
                signed.isProven(by: header, publicKey: publicKey)
            else { continue }
            heard(origin)
            return origin
        }
        throw Self.refusal("The signature of \(origin) is not valid, or its keys cannot be had.")
    }

    private func headers(of request: HTTPRequest) throws -> [XMatrixHeader] {
        let meant = request.headers.all("authorization").filter(XMatrixHeader.isMeant)
        guard !meant.isEmpty else { throw Self.refusal("The request is not signed.") }
        guard meant.count <= Self.mostHeaders else { throw Self.refusal("The request has too many signatures.") }
        let headers = try meant.map { text in
            guard let header = XMatrixHeader(parsing: text) else {
                throw Self.refusal("The Authorization header is malformed.")
            }
            return header
        }
        guard headers.allSatisfy({ $0.origin == headers[0].origin }) else {
            throw Self.refusal("The request is signed in the name of several servers.")
        }
        for header in headers {
            // "If this property is included, but the value does not match the receiving server's name, the receiving server
            // must deny the request with an HTTP status code `401 Unauthorized`."
            guard let destination = header.destination else { continue }
            guard destination.utf8.elementsEqual(serverName.rawValue.utf8) else {
                throw Self.refusal("The request is meant for another server.")
            }
        }
        return headers
    }

    /// "`verify_keys` that are valid for signing federation requests […] `old_verify_keys` which are only valid for signing
    /// events."
    private func publicKey(_ header: XMatrixHeader) async throws -> [UInt8]? {
        guard header.keyID.utf8.starts(with: "ed25519:".utf8), header.keyID.utf8.count <= 128 else { return nil }
        let now = nowMs()
        let key = try await keys.key(of: header.origin, header.keyID, atMs: now, isHeardFrom: true)
        guard let key, case .current = key.validity, key.validity.lastTimestamp >= now else { return nil }
        return key.publicKey
    }

    /// The canonical JSON of the body; nil when there is none.
    private static func content(of request: HTTPRequest) throws -> [UInt8]? {
        guard !request.body.isEmpty else { return nil }
        do throws(JSONError) {
            return try JSONDocument(parsing: request.body, limits: .federationBody).root.canonicalBytes()
        } catch {
            throw MatrixError(status: 400, errcode: "M_NOT_JSON", message: error.message)
        }
    }

    private static func refusal(_ message: String) -> MatrixError {
        MatrixError(status: 401, errcode: "M_UNAUTHORIZED", message: message)
    }
}
