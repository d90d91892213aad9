import Glibc
import OutboundHTTP
import Synchronization

/// A name server on a UDP port of its own that knows SRV records and nothing else.
final class NameServer: Sendable {
    private let descriptor: Int32
    let port: UInt16
    private let records = Mutex<[String: [ServiceRecord]]>([:])
    private let asked = Mutex<[String]>([])

    /// The names that were asked for, in order.
    var questions: [String] { asked.withLock { $0 } }

    init() {
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        inet_pton(AF_INET, "127.0.0.1", &address.sin_addr)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = descriptor
        port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { general in
                bind(descriptor, general, length)
                getsockname(descriptor, general, &length)
            }
            return UInt16(bigEndian: pointer.pointee.sin_port)
        }
    }

    func set(_ name: String, _ found: [ServiceRecord]) { records.withLock { $0[name] = found } }

    /// Answers until it is stopped; on a thread of its own, which the closing of the socket ends.
    func start() {
        var thread = pthread_t()
        let own = Unmanaged.passRetained(self)
        pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<NameServer>.fromOpaque(argument).takeRetainedValue().serve()
                return nil
            }, own.toOpaque())
        pthread_detach(thread)
    }

    func stop() {
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    private func serve() {
        var buffer = [UInt8](repeating: 0, count: 1500)
        while true {
            var sender = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let count = withUnsafeMutablePointer(to: &sender) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    recvfrom(descriptor, &buffer, buffer.count, 0, $0, &length)
                }
            }
            guard count > 12 else { break }
            let answer = answer(to: Array(buffer.prefix(count)))
            _ = withUnsafeMutablePointer(to: &sender) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    sendto(descriptor, answer, answer.count, 0, $0, length)
                }
            }
        }
        close(descriptor)
    }

    private func answer(to question: [UInt8]) -> [UInt8] {
        var labels: [String] = []
        var offset = 12
        while offset < question.count, question[offset] > 0 {
            let end = min(offset + 1 + Int(question[offset]), question.count)
            labels.append(String(decoding: question[(offset + 1)..<end], as: UTF8.self))
            offset = end
        }
        let name = labels.joined(separator: ".")
        asked.withLock { $0.append(name) }
        let found = records.withLock { $0[name] }
        func number(_ value: Int) -> [UInt8] {
            [UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value)]
        }
        var answer = Array(question.prefix(2)) + [0x81, found == nil ? 0x83 : 0x80]
        answer += number(1) + number(found?.count ?? 0) + number(0) + number(0)
        answer += question[12..<min(offset + 5, question.count)]
        for record in found ?? [] {
            var target: [UInt8] = []
            for label in record.target.split(separator: ".") { target += [UInt8(label.utf8.count)] + Array(label.utf8) }
            target.append(0)
            answer += [0xC0, 12] + number(33) + number(1) + number(0) + number(300) + number(6 + target.count)
            answer += number(Int(record.priority)) + number(Int(record.weight)) + number(Int(record.port)) + target
        }
        return answer
    }
}
