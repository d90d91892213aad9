import CanonicalJSON
package import MatrixIdentifiers

/// What a server signs of a request ("Request Authentication").
package struct RequestSignature: Sendable {
    package let method: String
    /// "the target field should include the full path starting with `/_matrix/...`, including the `?` and any query
    /// parameters if present".
    package let target: String
    package let origin: ServerName
    /// Nil for the requests of older servers, which do not say it.
    package let destination: String?
    /// The canonical JSON of the body; nil when there is none.
    private let content: [UInt8]?

    /// - Parameter content: the canonical JSON of the body.
    package init(method: String, target: String, origin: ServerName, destination: String?, content: [UInt8]?) {
        self.method = method
        self.target = target
        self.origin = origin
        self.destination = destination
        self.content = content
    }

    /// The header that proves who sends the request.
    package func signed(with key: SigningKey, to destination: ServerName) throws(SigningError) -> XMatrixHeader {
        let signature = try UnpaddedBase64.encode(key.signature(of: message))
        return XMatrixHeader(origin: origin, destination: destination, keyID: key.keyID, signature: signature)
    }

    /// Whether a header's signature is made with the secret key of `publicKey`.
    package func isProven(by header: XMatrixHeader, publicKey: [UInt8]) -> Bool {
        guard let signature = UnpaddedBase64.decode(header.signature) else { return false }
        return SignatureVerifier.verify(signature: signature, message: message, publicKey: publicKey)
    }

    /// The canonical JSON of "the request method, target and body […] in a JSON object". Put together by hand, so that a
    /// body of megabytes is no tree: `content` comes first in canonical order.
    private var message: [UInt8] {
        var members: JSONObject = [
            "method": .string(method), "origin": .string(origin.rawValue), "uri": .string(target),
        ]
        if let destination { members["destination"] = .string(destination) }
        guard let content else { return members.canonicalBytes() }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(content.count + target.utf8.count + 256)
        bytes.append(contentsOf: "{\"content\":".utf8)
        bytes.append(contentsOf: content)
        bytes.append(UInt8(ascii: ","))
        bytes.append(contentsOf: members.canonicalBytes().dropFirst())
        return bytes
    }
}
