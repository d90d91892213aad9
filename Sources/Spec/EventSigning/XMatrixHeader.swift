package import MatrixIdentifiers

/// The `Authorization` header with which a server says who it is, taken apart ("Request Authentication").
package struct XMatrixHeader: Sendable, Hashable {
    package let origin: ServerName
    /// Older servers leave it out.
    package let destination: String?
    /// The ID of the key, such as `ed25519:abc`.
    package let keyID: String
    /// The signature in Base64.
    package let signature: String

    private static let longest = 4096
    private static let mostParameters = 32

    package init(origin: ServerName, destination: ServerName, keyID: String, signature: String) {
        self.origin = origin
        self.destination = destination.rawValue
        self.keyID = keyID
        self.signature = signature
    }

    /// Whether a header is of this scheme at all.
    package static func isMeant(by header: String) -> Bool {
        let scheme = "x-matrix".utf8
        let bytes = header.utf8
        guard bytes.count >= scheme.count, zip(bytes, scheme).allSatisfy({ $0 | 0x20 == $1 }) else { return false }
        let behind = bytes.dropFirst(scheme.count).first
        return behind == nil || behind == space || behind == tab
    }

    /// Reads a header; nil when it is malformed, or lacks what must be there.
    ///
    /// "the header begins with authorisation scheme `X-Matrix`, followed by one or more spaces, followed by a
    /// comma-separated list of parameters written as name=value pairs."
    package init?(parsing header: String) {
        guard header.utf8.count <= Self.longest, Self.isMeant(by: header) else { return nil }
        var reader = ParameterReader(header.utf8.dropFirst("X-Matrix".utf8.count))
        var found: [String: String] = [:]
        var count = 0
        while let (name, value) = reader.next() {
            count += 1
            guard count <= Self.mostParameters, found.updateValue(value, forKey: name) == nil else { return nil }
        }
        guard reader.isWellFormed else { return nil }
        // The list of parameters calls it `signature`, the examples and all servers `sig`.
        guard let origin = found["origin"].flatMap({ ServerName($0) }), let keyID = found["key"],
            let signature = found["sig"] ?? found["signature"]
        else { return nil }
        self.origin = origin
        destination = found["destination"]
        self.keyID = keyID
        self.signature = signature
    }

    /// The header, as older servers understand it too.
    ///
    /// "only include one space after `X-Matrix`, only use lower-case names, avoid using backslashes in parameter values, and
    /// avoid including whitespace around the commas between name=value pairs."
    package var text: String {
        var parts = ["origin=" + Self.quoted(origin.rawValue)]
        if let destination { parts.append("destination=" + Self.quoted(destination)) }
        parts.append("key=" + Self.quoted(keyID))
        parts.append("sig=" + Self.quoted(signature))
        return "X-Matrix " + parts.joined(separator: ",")
    }

    private static func quoted(_ value: String) -> String {
        var bytes = [UInt8(ascii: "\"")]
        for byte in value.utf8 {
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { bytes.append(UInt8(ascii: "\\")) }
            bytes.append(byte)
        }
        return String(decoding: bytes + [UInt8(ascii: "\"")], as: UTF8.self)
    }

    fileprivate static let space = UInt8(ascii: " ")
    fileprivate static let tab = UInt8(ascii: "\t")
}

/// Reads name=value pairs with commas between them.
private struct ParameterReader {
    private var rest: Substring.UTF8View
    private(set) var isWellFormed = true

    init(_ text: Substring.UTF8View) { rest = text }

    /// The next pair, with its name in lower case; nil at the end, and where the text is malformed.
    mutating func next() -> (name: String, value: String)? {
        // "Zero or more spaces and tabs around each comma are allowed." RFC 9110 lets lists have empty elements too.
        rest = rest.drop { Self.isSpace($0) || $0 == UInt8(ascii: ",") }
        guard !rest.isEmpty else { return nil }
        let name = rest.prefix(while: Self.isToken)
        rest = rest.dropFirst(name.count)
        skipSpaces()
        guard !name.isEmpty, rest.first == UInt8(ascii: "=") else { return fail() }
        rest = rest.dropFirst()
        skipSpaces()
        guard let value = rest.first == UInt8(ascii: "\"") ? quoted() : plain() else { return fail() }
        skipSpaces()
        guard rest.isEmpty || rest.first == UInt8(ascii: ",") else { return fail() }
        guard let text = String(validating: value, as: UTF8.self) else { return fail() }
        // "The names are case insensitive and order does not matter."
        return (String(decoding: name, as: UTF8.self).lowercased(), text)
    }

    private mutating func fail() -> (name: String, value: String)? {
        isWellFormed = false
        rest = rest.suffix(0)
        return nil
    }

    private mutating func skipSpaces() { rest = rest.drop(while: Self.isSpace) }

    /// "That is, a backslash-character pair is replaced by the character that follows the backslash."
    private mutating func quoted() -> [UInt8]? {
        rest = rest.dropFirst()
        var value: [UInt8] = []
        while let byte = rest.first {
            rest = rest.dropFirst()
            switch byte {
            case UInt8(ascii: "\""): return value
            case UInt8(ascii: "\\"):
                guard let escaped = rest.first else { return nil }
                rest = rest.dropFirst()
                value.append(escaped)
            default: value.append(byte)
            }
        }
        return nil
    }

    /// "For compatibility with older servers, the recipient should allow colons to be included in values without requiring
    /// the value to be enclosed in quotes." The same servers leave Base64 and brackets unquoted.
    private mutating func plain() -> [UInt8]? {
        let value = rest.prefix { Self.isToken($0) || ":/=[]".utf8.contains($0) }
        rest = rest.dropFirst(value.count)
        return value.isEmpty ? nil : Array(value)
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == XMatrixHeader.space || byte == XMatrixHeader.tab }

    /// "token = 1*tchar" of RFC 9110, section 5.6.2.
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
