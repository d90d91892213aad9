import CanonicalJSON
import EventLog
import Glibc
import KeyValueStore
import LogEvents
import MatrixEvents
import ProjectionEngine
import Projections
import ReadModel
import RoomVersions
import Testing

/// The engine behind a log on disk, as the server has it.
@Suite struct RealLogTests {
    private func open(_ directory: String, _ engine: ProjectionEngine) throws -> LMDBEventLog {
        let log = try LMDBEventLog(
            directory: directory,
            wallClock: { 1_700_000_000_000 },
            randomBytes: { count in (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) } },
            signer: { _ in [UInt8](repeating: 1, count: 64) },
            onCommitted: { try engine.apply($0) })
        engine.connect(to: RecordSource(log))
        return log
    }

    private static func redacted(_ record: EventRecord) throws -> [UInt8]? {
        guard record.kind == .pduRecorded else { return nil }
        var fact = try PDURecorded(payload: record.payload)
        let object = try JSONObject.parse(fact.pdu, limits: .stored) ?? [:]
        fact.pdu = Redaction.redacted(object, version: .v11).canonicalBytes()
        return fact.payload()
    }

    @Test func whatIsErasedLeavesTheSameTablesAsAReplay() async throws {
        var script = LogScript()
        script.room("!r:s", by: "@a:s")
        script.member("@b:s", in: "!r:s", "join", name: "B")
        script.message("secret", in: "!r:s", by: "@b:s")
        script.event("m.room.topic", in: "!r:s", by: "@a:s", stateKey: "", content: ["topic": "secret"])
        script.message("kept", in: "!r:s", by: "@b:s")

        let directory = try makeTemporaryDirectory()
        defer { removeDirectory(directory) }
        let live = try ViewFixture()
        let log = try open(directory, live.engine)
        defer { log.close() }
        for record in script.records {
            let new = NewRecord(
                kind: record.kind, version: record.version, stream: record.stream, actor: record.actor,
                cause: record.cause, payload: record.payload)
            let receipt = try await log.append(LogBatch(records: [new], expected: []))
            // Acknowledged is readable.
            #expect(live.views.head >= receipt.positions.upperBound)
        }
        let head = log.durableHead.rawValue
        _ = try await log.erase(
            positions: [head - 1, head - 2, head - 3].map(LogPosition.init(rawValue:)),
            replacement: { try Self.redacted($0) }, actor: "@a:s", reason: "test")
        try live.read { transaction, tables in
            let row = try #require(try transaction.eventRow(tables, LogPosition(rawValue: head - 2)))
            #expect(!String(decoding: row.clientJSON, as: UTF8.self).contains("secret"))
        }
        let replayed = try ViewFixture()
        replayed.engine.connect(to: RecordSource(log))
        try replayed.engine.catchUp()
        #expect(replayed.views.head == log.durableHead)
        try #expect(replayed.engine.digests() == live.engine.digests())
        try live.engine.rebuild()
        try #expect(replayed.engine.digests() == live.engine.digests())
    }
}
