import CResolver
import NIOPosix

/// Finds where a service is offered, by the SRV records of its name, on threads that may wait for name servers.
package final class ServiceResolver: Sendable {
    package enum Found: Sendable, Hashable {
        case records(ServiceAnswer)
        /// There is no such name, or it has no such records.
        case nothing
        /// No name server answered, or none that could.
        case failed
    }

    /// A name server other than those of the system.
    package struct NameServer: Sendable, Hashable {
        /// An IPv4 address.
        package let address: String
        package let port: UInt16

        package init(address: String, port: UInt16) {
            self.address = address
            self.port = port
        }
    }

    private let threads: NIOThreadPool
    private let nameServer: NameServer?

    private static let largestAnswer = 65_535
    private static let longestName = 253

    package init(nameServer: NameServer? = nil, threads count: Int = 8) {
        self.nameServer = nameServer
        threads = NIOThreadPool(numberOfThreads: count)
        threads.start()
    }

    package func shutDown() async {
        // They end with the process too, so a fault here is of no consequence.
        try? await threads.shutdownGracefully()
    }

    /// Asks for a name, such as `_matrix-fed._tcp.example.org`.
    package func find(_ name: String) async throws -> Found {
        guard name.utf8.count <= Self.longestName else { return .nothing }
        return try await threads.runIfActive { [nameServer] in Self.query(name, nameServer) }
    }

    private static func query(_ name: String, _ nameServer: NameServer?) -> Found {
        var answer = [UInt8](repeating: 0, count: largestAnswer)
        var reason: Int32 = 0
        let length = engram_service_query(
            name, nameServer?.address, nameServer?.port ?? 0, &answer, Int32(answer.count), &reason)
        guard length >= 0 else {
            return reason == HOST_NOT_FOUND || reason == NO_DATA ? .nothing : .failed
        }
        guard let found = ServiceAnswer(Array(answer.prefix(Int(length)))) else { return .failed }
        return found.records.isEmpty ? .nothing : .records(found)
    }
}
