import MatrixIdentifiers

/// Where a push gateway listens: `https://host[:port]/_matrix/push/v1/notify`, taken apart once and strictly.
package struct GatewayURL: Sendable, Hashable {
    package let isTLS: Bool
    /// A name or an address; of an IPv6 address without its brackets.
    package let host: String
    package let port: Int
    /// The path with the query, as it is asked for.
    package let target: String
    /// What the `Host` header says.
    package let authority: String

    package static let path = "/_matrix/push/v1/notify"

    /// Reads a URL; nil when it is none of a push gateway. Names of users and fragments are refused, and so is whatever
    /// could end the line of a request.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard bytes.count <= 2048, bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { return nil }
        guard let scheme = Self.scheme(text) else { return nil }
        isTLS = scheme.isTLS
        let rest = text.dropFirst(scheme.length)
        guard let slash = rest.firstIndex(of: "/") else { return nil }
        let authority = rest[..<slash]
        let target = rest[slash...]
        guard !authority.isEmpty, !authority.contains("@"), !target.contains("#"), !authority.contains("?") else {
            return nil
        }
        let path = target.prefix { $0 != "?" }
        guard path == Self.path else { return nil }
        guard let (host, port) = Self.hostAndPort(authority) else { return nil }
        self.host = host
        self.port = port ?? (scheme.isTLS ? 443 : 80)
        self.target = String(target)
        self.authority = String(authority)
    }

    private static func scheme(_ text: String) -> (isTLS: Bool, length: Int)? {
        let lower = text.prefix(8).lowercased()
        if lower == "https://" { return (true, 8) }
        return lower.hasPrefix("http://") ? (false, 7) : nil
    }

    private static func hostAndPort(_ authority: Substring) -> (String, Int?)? {
        var host = authority
        var port: Substring?
        if authority.first == "[" {
            guard let end = authority.firstIndex(of: "]") else { return nil }
            host = authority[authority.index(after: authority.startIndex)..<end]
            let behind = authority[authority.index(after: end)...]
            if !behind.isEmpty {
                guard behind.first == ":" else { return nil }
                port = behind.dropFirst()
            }
            guard AddressRange.bytes(of: String(host))?.count == 16 else { return nil }
        } else {
            if let colon = authority.firstIndex(of: ":") {
                host = authority[..<colon]
                port = authority[authority.index(after: colon)...]
            }
            guard host.utf8.allSatisfy(isName) else { return nil }
        }
        guard !host.isEmpty, host.utf8.count <= 253 else { return nil }
        guard let port else { return (String(host), nil) }
        guard port.utf8.count <= 5, let number = Int(port), (1...65_535).contains(number), port.first != "+" else {
            return nil
        }
        return (String(host), number)
    }

    private static func isName(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
        default: false
        }
    }
}
