package import CanonicalJSON
import CommandHandling
package import Configuration
import Decisions
import Glibc
import HTTPFront
import KeyValueStore
import RoomVersions

/// A control verb that was refused, in words for the operator.
package struct ControlFailure: Error, Sendable {
    package let message: String
}

/// Asks the running server over its control socket; opens the data itself when no server runs.
package struct ControlClient {
    private let configuration: ServerConfiguration
    private let data: DataDirectory

    package init(configuration: ServerConfiguration) {
        self.configuration = configuration
        data = DataDirectory(configuration: configuration)
    }

    package func perform(_ verb: String, _ body: JSONObject) async throws -> JSONValue {
        if let answer = try ask(verb, body) { return answer }
        let log = StructuredLog(minimumLevel: .warning)
        do {
            let storage = try Storage(
                data: data, signingKey: try configuration.readSigningKey(), log: log,
                onApplied: { _ in })
            defer { storage.close(log: log) }
            let environment = storage.commandEnvironment(configuration, key: try configuration.readSigningKey())
            let operations = try ControlOperations(
                storage: storage,
                rooms: RoomCommands(environment: environment),
                accounts: AccountCommands(environment: environment),
                serverName: configuration.serverName,
                forgetErased: { [data] _ in try RunningSearch.forgetErased(data, storage: storage) }
            )
            return try await operations.perform(verb, body)
        } catch let rejection as Rejection {
            throw ControlFailure(message: rejection.message)
        } catch let fault as StoreFault where fault.code == .lockedByOther {
            throw ControlFailure(
                message: "A server uses \(data.root), but its control socket \(data.controlSocket) does not answer. "
                    + "Run this as the user that runs the server.")
        }
    }

    /// Nil when no server listens.
    private func ask(_ verb: String, _ body: JSONObject) throws -> JSONValue? {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        guard connect(descriptor) else { return nil }
        let payload = body.canonicalBytes()
        let head =
            "POST /engram/\(verb) HTTP/1.1\r\nHost: engram\r\nConnection: close\r\n"
            + "Content-Type: application/json\r\nContent-Length: \(payload.count)\r\n\r\n"
        var rest = (Array(head.utf8) + payload)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(truncatingIfNeeded: Int(MSG_NOSIGNAL)))
            }
            guard written > 0 else { throw ControlFailure(message: "The server closed its control socket.") }
            rest = rest.dropFirst(written)
        }
        return try parse(readAll(descriptor))
    }

    private func connect(_ descriptor: Int32) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let path = Array(data.controlSocket.utf8)
        guard path.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
    }

    private func readAll(_ descriptor: Int32) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while bytes.count < 64 << 20 {
            let count = buffer.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            bytes.append(contentsOf: buffer[0..<count])
        }
        return bytes
    }

    private func parse(_ answer: [UInt8]) throws -> JSONValue {
        // The body follows the first empty line; the server answers with a length and closes.
        let separator = Array("\r\n\r\n".utf8)
        guard let end = answer.indices.first(where: { answer[$0...].starts(with: separator) }),
            let json = try? JSONValue.parse(Array(answer[(end + 4)...]))
        else { throw ControlFailure(message: "The server's answer on the control socket cannot be read.") }
        if let errcode = json["errcode"]?.stringValue {
            throw ControlFailure(message: json["error"]?.stringValue ?? errcode)
        }
        return json
    }
}
