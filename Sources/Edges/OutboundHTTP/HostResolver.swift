import Glibc
import MatrixIdentifiers
import NIOCore
import NIOPosix

/// Finds the addresses of hosts, and leaves out those that are not allowed: what is connected to is what was judged, so a name
/// that changes its address in between gains nothing.
struct HostResolver: Sendable {
    let policy: AddressPolicy
    /// Threads that may wait for name servers.
    let threads: NIOThreadPool
    /// Nil: as the system finds them.
    let lookUp: (@Sendable (String) -> [String])?

    func addresses(of host: String, port: Int, on loop: any EventLoop) -> EventLoopFuture<[SocketAddress]> {
        let (policy, lookUp) = (policy, lookUp ?? Self.lookUp)
        if AddressRange.bytes(of: host) != nil {
            return loop.makeCompletedFuture { try Self.allowed([host], port: port, policy) }
        }
        return threads.runIfActive(eventLoop: loop) {
            try Self.allowed(lookUp(host), port: port, policy)
        }
    }

    private static func allowed(_ found: [String], port: Int, _ policy: AddressPolicy) throws -> [SocketAddress] {
        guard !found.isEmpty else { throw OutboundFault.unknownHost }
        let allowed = found.filter { AddressRange.bytes(of: $0).map { policy.allows($0) } ?? false }
        guard !allowed.isEmpty else { throw OutboundFault.forbiddenAddress }
        return try allowed.map { try SocketAddress(ipAddress: $0, port: port) }
    }

    @Sendable private static func lookUp(_ host: String) -> [String] {
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
