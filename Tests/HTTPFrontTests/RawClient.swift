import Glibc

/// A client that sends exactly the bytes it is told, on a blocking socket with a time limit.
final class RawClient {
    struct Answer {
        var status: Int
        var headers: [(name: String, value: String)]
        var body: [UInt8]

        func header(_ name: String) -> String? {
            headers.first { $0.name.lowercased() == name.lowercased() }?.value
        }

        var text: String { String(decoding: body, as: UTF8.self) }
    }

    private let descriptor: Int32
    private var unread: [UInt8] = []

    /// - Parameter address: in host order; any of 127.0.0.0/8 is this machine.
    init(address host: UInt32 = 0x7F00_0001, port: Int, seconds: Int = 120) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw ClientFault.socket(errno) }
        var timeout = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = host.bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw ClientFault.socket(errno) }
    }

    init(unixPath: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw ClientFault.socket(errno) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(unixPath.utf8).prefix($0.count - 1)) }
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else { throw ClientFault.socket(errno) }
    }

    deinit { close(descriptor) }

    enum ClientFault: Error {
        case socket(Int32)
        case ended
        case malformed(String)
    }

    /// False if the server has closed the connection.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        var offset = 0
        while offset < bytes.count {
            let sent = bytes.withUnsafeBytes { buffer in
                Glibc.send(
                    descriptor, buffer.baseAddress?.advanced(by: offset), buffer.count - offset,
                    Int32(MSG_NOSIGNAL))
            }
            guard sent > 0 else { return false }
            offset += sent
        }
        return true
    }

    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Reads one response; `isHead` says that it has no body whatever its length says.
    func receive(isHead: Bool = false) throws -> Answer {
        var end = Self.headEnd(unread)
        while end == nil {
            guard fill() else { throw ClientFault.ended }
            end = Self.headEnd(unread)
        }
        guard let end else { throw ClientFault.ended }
        let lines = String(decoding: unread[..<(end - 4)], as: UTF8.self).split(
            separator: "\r\n", omittingEmptySubsequences: false)
        unread.removeFirst(end)
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count >= 2, words[0] == "HTTP/1.1", let status = Int(words[1]) else {
            throw ClientFault.malformed(String(lines.first ?? ""))
        }
        var answer = Answer(status: status, headers: [], body: [])
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { throw ClientFault.malformed(String(line)) }
            answer.headers.append(
                (String(line[..<colon]), String(line[line.index(after: colon)...].drop { $0 == " " })))
        }
        let length = isHead ? 0 : Int(answer.header("content-length") ?? "0") ?? 0
        while unread.count < length { guard fill() else { throw ClientFault.ended } }
        answer.body = Array(unread[..<length])
        unread.removeFirst(length)
        return answer
    }

    /// Whether the server closes the connection without a further byte, or resets it.
    func isClosedByServer() -> Bool { unread.isEmpty && !fill() && !timedOut }

    /// Everything until the server closes.
    func receiveAll() -> [UInt8] {
        while fill() {}
        return unread
    }

    private var timedOut = false

    private func fill() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 16_384)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        if count > 0 {
            unread += chunk[..<count]
            return true
        }
        timedOut = count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)
        return false
    }

    private static func headEnd(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        for index in 3..<bytes.count
        where bytes[index] == 10 && bytes[index - 1] == 13 && bytes[index - 2] == 10 && bytes[index - 3] == 13 {
            return index + 1
        }
        return nil
    }
}
