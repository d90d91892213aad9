import EventLog
import KeyValueStore
import LogEvents
import ProjectionEngine
import ReadModel
import Synchronization
import Testing

@Suite struct EngineTests {
    @Test func aRecordThatCannotBeAppliedHaltsExactlyThere() throws {
        let fixture = try EngineFixture(projections: [CountingProjection(failsAt: 7)])
        let records = makeRecords(10)
        #expect(throws: HaltedProjection.self) { try fixture.engine.apply(records) }
        #expect(fixture.views.head == LogPosition(rawValue: 6))
        #expect(try fixture.appliedPositions() == Array(1...6))
        let halted = try #require(fixture.engine.halted)
        #expect(halted.name == "counting")
        #expect(halted.position == LogPosition(rawValue: 7))
        #expect(halted.reason == "no sevens")
        // Nothing is skipped, not even later and not even when only good records come.
        #expect(throws: HaltedProjection.self) { try fixture.engine.apply(Array(records.suffix(3))) }
        #expect(fixture.views.head == LogPosition(rawValue: 6))
    }

    @Test func anUnknownRecordHaltsToo() throws {
        let fixture = try EngineFixture(projections: [CountingProjection()])
        var records = makeRecords(4)
        records[2] = makeRecord(3, kind: RecordKind(rawValue: 999), payload: [])
        #expect(throws: HaltedProjection.self) { try fixture.engine.apply(records) }
        #expect(fixture.engine.halted?.position == LogPosition(rawValue: 3))
        #expect(fixture.views.head == LogPosition(rawValue: 2))

        let newer = try EngineFixture(projections: [CountingProjection()])
        let payload = ProfileFieldSet(userID: "@a:s", field: "x").payload()
        let record = makeRecord(1, kind: .profileFieldSet, version: 2, payload: payload)
        #expect(throws: HaltedProjection.self) { try newer.engine.apply([record]) }
        #expect(newer.engine.halted?.reason.contains("newer engram") == true)
    }

    @Test func aReplayHaltsExactlyThereToo() throws {
        let fixture = try EngineFixture(projections: [CountingProjection(failsAt: 3000)], log: makeRecords(5000))
        #expect(throws: HaltedProjection.self) { try fixture.engine.catchUp() }
        #expect(fixture.views.head == LogPosition(rawValue: 2999))
        #expect(fixture.engine.halted?.position == LogPosition(rawValue: 3000))

        var records = makeRecords(5000)
        records[2499] = makeRecord(2500, kind: RecordKind(rawValue: 999), payload: [])
        let unreadable = try EngineFixture(projections: [CountingProjection()], log: records)
        #expect(throws: HaltedProjection.self) { try unreadable.engine.catchUp() }
        #expect(unreadable.views.head == LogPosition(rawValue: 2499))
    }

    @Test func recordsOfTheLogItselfPassThrough() throws {
        let fixture = try EngineFixture(projections: [CountingProjection()])
        try fixture.engine.apply([makeRecord(1, kind: .checkpoint, payload: [1, 2, 3])])
        #expect(fixture.views.head == LogPosition(rawValue: 1))
    }

    @Test func missedRecordsAreReadFromTheLog() throws {
        let records = makeRecords(50)
        let fixture = try EngineFixture(projections: [CountingProjection()], log: records)
        try fixture.engine.apply(Array(records[0..<5]))
        try fixture.engine.apply(Array(records[40..<45]))
        #expect(try fixture.appliedPositions() == Array(1...45))
        // What is applied already is passed over.
        try fixture.engine.apply(Array(records[30..<50]))
        #expect(try fixture.appliedPositions() == Array(1...50))
        #expect(try fixture.engine.lag() == 0)

        let alone = try EngineFixture(projections: [CountingProjection()])
        #expect(throws: ProjectionFault.self) { try alone.engine.apply(Array(records[40..<45])) }
    }

    @Test func viewsOfAnotherPastAreMadeAnew() throws {
        let fixture = try EngineFixture(projections: [CountingProjection()], log: makeRecords(20))
        try fixture.engine.catchUp()
        #expect(fixture.views.head == LogPosition(rawValue: 20))
        // The log was restored to an earlier moment.
        fixture.log.withLock { $0 = makeRecords(12) }
        try fixture.engine.catchUp()
        #expect(fixture.views.head == LogPosition(rawValue: 12))
        #expect(try fixture.appliedPositions() == Array(1...12))
    }

    @Test func whatTheStoreRefusesIsNoHalt() throws {
        let fixture = try EngineFixture(projections: [CountingProjection(refusesOnceAt: 3)])
        let records = makeRecords(5)
        #expect(throws: StoreFault.self) { try fixture.engine.apply(records) }
        #expect(fixture.engine.halted == nil)
        #expect(fixture.views.head == LogPosition.none)
        try fixture.engine.apply(records)
        #expect(try fixture.appliedPositions() == Array(1...5))
    }

    @Test func aCrashOfTheMachineMakesTheViewsUntrusted() throws {
        let directory = try temporaryDirectory()
        defer { remove(directory) }
        func openAndFill(_ bootID: String, closing: Bool) throws -> Bool {
            let views = try Views(directory: directory, bootID: bootID)
            let engine = ProjectionEngine(views: views, projections: [CountingProjection()])
            if views.head == LogPosition.none { try engine.apply(makeRecords(3)) }
            #expect(views.head == LogPosition(rawValue: 3))
            let wasDiscarded = views.wasDiscarded
            if closing { try views.close() } else { views.environment.close() }
            return wasDiscarded
        }
        #expect(try openAndFill("boot0", closing: false) == false)
        // The process alone died: the pages are all there.
        #expect(try openAndFill("boot1", closing: false) == true)
        #expect(try openAndFill("boot1", closing: false) == false)
        // The machine restarted.
        #expect(try openAndFill("boot2", closing: true) == true)
        // It restarted after a clean end.
        #expect(try openAndFill("boot3", closing: true) == false)
        // It cannot be told which boot this is.
        #expect(try openAndFill("", closing: false) == false)
        #expect(try openAndFill("", closing: true) == true)
    }

    @Test func aReaderInAnotherProcessSeesTheHead() throws {
        let directory = try temporaryDirectory()
        defer { remove(directory) }
        let views = try Views(directory: directory)
        try ProjectionEngine(views: views, projections: [CountingProjection()]).apply(makeRecords(3))
        let digests = try ProjectionEngine(views: views, projections: [CountingProjection()]).digestsWithPosition()
        #expect(digests.position == LogPosition(rawValue: 3))
        try views.close()
        let reader = try Views(directory: directory, readOnly: true)
        #expect(reader.head == LogPosition(rawValue: 3))
        #expect(throws: StoreFault.self) { try reader.environment.write { _ in } }
        reader.environment.close()
    }
}
