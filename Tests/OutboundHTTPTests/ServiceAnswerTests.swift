import OutboundHTTP
import Testing

@Suite struct ServiceAnswerTests {
    private static func number(_ value: Int) -> [UInt8] {
        [UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value)]
    }

    private static func name(_ text: String) -> [UInt8] {
        text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }

    private static func answer(_ records: [[UInt8]], questions: Int = 1) -> [UInt8] {
        let head = [0x12, 0x34, 0x81, 0x80] + number(questions) + number(records.count) + [0, 0, 0, 0]
        let question = name("_x._tcp.example.org") + number(33) + number(1)
        return head + (questions == 1 ? question : []) + records.joined()
    }

    private static func record(type: Int = 33, ttl: Int = 300, _ data: [UInt8]) -> [UInt8] {
        [0xC0, 12] + number(type) + number(1) + number(ttl >> 16) + number(ttl) + number(data.count) + data
    }

    private static func service(_ priority: Int, _ weight: Int, _ port: Int, _ target: [UInt8]) -> [UInt8] {
        number(priority) + number(weight) + number(port) + target
    }

    @Test func readsRecordsAndPassesOverOthers() throws {
        let bytes = Self.answer([
            Self.record(type: 5, Self.name("elsewhere.example.org")),
            Self.record(ttl: 600, Self.service(10, 5, 8448, Self.name("a.example.org"))),
            // The name is another's end: "b" and a pointer to "example.org" of the question.
            Self.record(ttl: 70_000, Self.service(20, 0, 443, [1, UInt8(ascii: "b"), 0xC0, 20])),
        ])
        let answer = try #require(ServiceAnswer(bytes))
        #expect(
            answer.records == [
                ServiceRecord(priority: 10, weight: 5, port: 8448, target: "a.example.org"),
                ServiceRecord(priority: 20, weight: 0, port: 443, target: "b.example.org"),
            ])
        #expect(answer.lifetime == 600)
        let dot = try #require(ServiceAnswer(Self.answer([Self.record(Self.service(0, 0, 0, [0]))])))
        #expect(dot.records.first?.target == "")
    }

    @Test func whatIsMalformedIsNothing() {
        let good = Self.answer([Self.record(Self.service(1, 1, 1, Self.name("a.b")))])
        #expect(ServiceAnswer(good) != nil)
        for length in 0..<good.count { #expect(ServiceAnswer(Array(good.prefix(length))) == nil) }
        // A name that points at itself, one that points forward, one with spaces, one that passes the record's end.
        for target in [[0xC0, 56], [0xC0, 0xFF], Self.name("a b"), [63]] as [[UInt8]] {
            #expect(ServiceAnswer(Self.answer([Self.record(Self.service(1, 1, 1, target))])) == nil)
        }
        // Two names that point at each other.
        let loop = Self.answer([Self.record(Self.service(1, 1, 1, [1, 65, 0xC0, 55]))])
        #expect(ServiceAnswer(loop) == nil)
    }
}
