import Glibc
import Synchronization

/// A server that does with each request what it was told to, byte for byte, and counts connections.
final class ScriptedServer: Sendable {
    enum Step: Sendable {
        /// Sends this and keeps the connection.
        case answer(String)
        /// Sends this and closes the connection.
        case answerAndClose(String)
        /// Closes without a word.
        case close
    }

    private struct State {
        var steps: [Step]
        var connections = 0
        var requests: [String] = []
    }

    private let descriptor: Int32
    let port: Int
    private let state: Mutex<State>

    static func ok(_ body: String, fields: String = "") -> String {
        "HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)"
    }

    init(_ steps: [Step]) {
        state = Mutex(State(steps: steps))
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { general in
                bind(descriptor, general, length)
                listen(descriptor, 64)
                getsockname(descriptor, general, &length)
            }
            return Int(UInt16(bigEndian: pointer.pointee.sin_port))
        }
        self.descriptor = descriptor
        Self.onThread { [self] in
            while true {
                let connection = accept(descriptor, nil, nil)
                guard connection >= 0 else { return }
                state.withLock { $0.connections += 1 }
                Self.onThread { [self] in serve(connection) }
            }
        }
    }

    var connections: Int { state.withLock { $0.connections } }
    var requests: [String] { state.withLock { $0.requests } }

    func stop() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    private func serve(_ connection: Int32) {
        defer { close(connection) }
        var held: [UInt8] = []
        while let request = Self.read(connection, &held) {
            let step = state.withLock { state -> Step in
                state.requests.append(request)
                return state.steps.isEmpty ? .close : state.steps.removeFirst()
            }
            switch step {
            case .answer(let text): _ = send(connection, text, text.utf8.count, Int32(MSG_NOSIGNAL))
            case .answerAndClose(let text):
                _ = send(connection, text, text.utf8.count, Int32(MSG_NOSIGNAL))
                return
            case .close: return
            }
        }
    }

    /// One request with its body.
    private static func read(_ connection: Int32, _ held: inout [UInt8]) -> String? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let text = String(decoding: held, as: UTF8.self)
            if let head = text.firstRange(of: "\r\n\r\n") {
                let field = text.lowercased().split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
                let length = field.flatMap { Int($0.split(separator: " ").last ?? "") } ?? 0
                let headLength = text[..<head.upperBound].utf8.count
                if held.count >= headLength + length {
                    let request = String(decoding: held.prefix(headLength + length), as: UTF8.self)
                    held.removeFirst(headLength + length)
                    return request
                }
            }
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return nil }
            held += buffer.prefix(count)
        }
    }

    private final class Work: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    private static func onThread(_ body: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(Work(body)).toOpaque())
        pthread_detach(thread)
    }
}
