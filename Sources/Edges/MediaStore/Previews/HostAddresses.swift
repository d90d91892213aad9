import Glibc
import MatrixIdentifiers
import NIOCore

/// The addresses of a host, without those that may not be asked.
enum HostAddresses {
    static func allowed(_ found: [String], port: Int, _ policy: AddressPolicy) throws -> [SocketAddress] {
        guard !found.isEmpty else { throw WebFault.unknownHost }
        let allowed = found.filter { AddressRange.bytes(of: $0).map { policy.allows($0) } ?? false }
        guard !allowed.isEmpty else { throw WebFault.forbiddenAddress }
        return try allowed.map { try SocketAddress(ipAddress: $0, port: port) }
    }

    /// Asks the system; blocks the thread.
    static func lookUp(_ host: String) -> [String] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, nil, &hints, &list) == 0 else { return [] }
        defer { freeaddrinfo(list) }
        var found: [String] = []
        var next = list
        while let entry = next, found.count < 16 {
            var buffer = [CChar](repeating: 0, count: 64)
            let result = getnameinfo(
                entry.pointee.ai_addr, entry.pointee.ai_addrlen, &buffer, socklen_t(buffer.count), nil, 0,
                NI_NUMERICHOST)
            if result == 0 {
                let text = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
                if !found.contains(text) { found.append(text) }
            }
            next = entry.pointee.ai_next
        }
        return found
    }
}
