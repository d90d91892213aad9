import EventLog
import Glibc
import KeyValueStore
import LogEvents
import ProjectionEngine
import Projections
import ReadModel
import Testing

/// Payloads that older programs wrote make the same state for ever.
@Suite struct OldLogTests {
    private func payloads() throws -> [[UInt8]] {
        let root = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
        let file = try #require(fopen(root + "/fixtures/log/v1/pdus.hex", "r"))
        defer { fclose(file) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        while case let count = fread(&buffer, 1, buffer.count, file), count > 0 {
            bytes.append(contentsOf: buffer[..<count])
        }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").dropFirst().map { line in
            let digits = Array(line.utf8)
            return stride(from: 0, to: digits.count - 1, by: 2).map { index in
                UInt8(String(decoding: digits[index..<(index + 2)], as: UTF8.self), radix: 16) ?? 0
            }
        }
    }

    @Test func format1ReplaysToTheStateThatItSays() throws {
        var log = LogScript()
        var expected: [[String: String]] = []
        var state: [String: String] = [:]
        for payload in try payloads() {
            let fact = try PDURecorded(payload: payload)
            #expect(fact.payload() == payload)
            let pdu = try DecodedPDU.decode(payload: payload)
            if let stateKey = pdu.stateKey, fact.setsOwnEntry { state["\(pdu.type)|\(stateKey)"] = fact.eventID }
            for change in fact.stateDelta { state["\(change.type)|\(change.stateKey)"] = change.eventID }
            expected.append(state)
            log.append(fact.record(stream: StreamID(kind: .room, name: fact.roomID), actor: "@a:s", cause: ""))
        }
        #expect(expected.count == 15)
        let fixture = try ViewFixture(log, inBatchesOf: 4)
        try fixture.read { transaction, tables in
            let room = try #require(try transaction.room(tables, "!old:s"))
            for (index, wanted) in expected.enumerated() {
                let snapshot = StateSnapshot(room: room, base: LogPosition(rawValue: UInt64(index + 1)))
                var found: [String: String] = [:]
                for (slot, holder) in try transaction.entries(tables, snapshot) {
                    let name = try #require(try transaction.slotName(tables, slot))
                    found["\(name.type)|\(name.stateKey)"] = try transaction.eventRow(tables, holder)?.eventID()
                }
                #expect(found == wanted, "after record \(index + 1)")
            }
        }
        let live = try fixture.engine.digests()
        try fixture.engine.rebuild()
        #expect(try fixture.engine.digests() == live)
    }
}
