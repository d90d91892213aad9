import NIOCore
import NIOHTTP1

/// Whose request it is.
enum ClientAddress {
    /// The address of the other end, without a port; IPv4 in its own form. Empty for a Unix socket.
    static func of(_ address: SocketAddress?) -> String {
        guard let text = address?.ipAddress else { return "" }
        let mapped = "::ffff:"
        if text.utf8.count > 7, text.utf8.starts(with: mapped.utf8), text.utf8.contains(UInt8(ascii: ".")) {
            return String(text.dropFirst(mapped.utf8.count))
        }
        return text
    }

    /// The client's address as the trusted proxy reports it, or nil if it reports none that looks like one.
    static func forwarded(in headers: HTTPHeaders, trustedProxies: Int) -> String? {
        let fields = headers["x-forwarded-for"]
        guard !fields.isEmpty else { return nil }
        let entries = fields.flatMap { $0.utf8.split(separator: UInt8(ascii: ",")) }
        guard !entries.isEmpty else { return nil }
        let place = max(0, entries.count - max(1, trustedProxies))
        return cleaned(Array(entries[place]))
    }

    /// Whether the trusted proxy says that the client came by HTTPS.
    static func forwardedProtocolIsSecure(_ headers: HTTPHeaders) -> Bool {
        headers.first(name: "x-forwarded-proto")?.lowercased() == "https"
    }

    /// The address without brackets and port, if it is made of the characters of one.
    private static func cleaned(_ raw: [UInt8]) -> String? {
        var bytes = raw.filter { $0 != 0x20 && $0 != 0x09 && $0 != 0x22 }
        if bytes.first == UInt8(ascii: "["), let end = bytes.firstIndex(of: UInt8(ascii: "]")) {
            bytes = Array(bytes[1..<end])
        } else if bytes.count(where: { $0 == UInt8(ascii: ":") }) == 1, bytes.contains(UInt8(ascii: ".")),
            let colon = bytes.firstIndex(of: UInt8(ascii: ":"))
        {
            bytes = Array(bytes[..<colon])
        }
        guard (2...45).contains(bytes.count),
            bytes.allSatisfy({
                switch $0 {
                case 0x30...0x39, 0x41...0x46, 0x61...0x66, UInt8(ascii: ":"), UInt8(ascii: "."): true
                default: false
                }
            })
        else { return nil }
        return String(decoding: bytes, as: UTF8.self)
    }
}
