import EventLog
import Foundation
import ProjectionEngine
import Synchronization
import Testing

@testable import SearchIndex

@Suite struct SearchFollowerTests {
    private final class Reports: Sendable {
        private let held = Mutex<[String]>([])
        var all: [String] { held.withLock { $0 } }

        func add(_ report: SearchFollower.Report) {
            held.withLock { $0.append("\(report)".prefix { $0 != "(" } + "") }
        }
    }

    @Test func aSearchWaitsForWhatWasWritten() async throws {
        let script = SearchScript()
        let fixture = try IndexFixture()
        let follower = SearchFollower(index: fixture.index, source: script.source)
        follower.start()
        for number in 0..<50 {
            let position = script.message("number\(number)")
            follower.applied()
            let isThere = await follower.reach(position, atMost: .seconds(60))
            #expect(isThere)
            #expect(try fixture.find("number\(number)") == [position.rawValue])
        }
        // Nothing comes: the wait ends all the same.
        let isThere = await follower.reach(LogPosition(rawValue: 1000), atMost: .milliseconds(20))
        #expect(!isThere && !follower.isBuilding)
        async let last = follower.reach(LogPosition(rawValue: 1000), atMost: .seconds(3600))
        follower.stop()
        let wasReached = await last
        #expect(!wasReached, "the end of the follower ends all waits")
    }

    @Test func anotherPastStartsOver() async throws {
        let script = SearchScript()
        for number in 0..<20 { script.message("old\(number)") }
        let fixture = try IndexFixture(script)
        let shorter = SearchScript()
        for number in 0..<10 { shorter.message("new\(number)") }
        let reports = Reports()
        let follower = SearchFollower(index: fixture.index, source: shorter.source) { reports.add($0) }
        follower.start()
        let isThere = await follower.reach(shorter.head, atMost: .seconds(60))
        #expect(isThere && reports.all.contains("startsOver"))
        #expect(try fixture.find("old3") == [] && fixture.find("new3") == [4])
        follower.stop()
    }

    @Test func aBrokenFileIsBuiltAnew() throws {
        let script = SearchScript()
        for number in 0..<300 { script.message("word\(number)") }
        let fixture = try IndexFixture(script)
        fixture.index.close()
        let path = fixture.directory + "/index.sqlite"
        try Data(repeating: 0x5A, count: 8192).write(to: URL(fileURLWithPath: path))
        for suffix in ["-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + suffix) }
        let again = try SearchIndex(directory: fixture.directory)
        defer { again.close() }
        #expect(try again.count() == 0)
        try SearchRebuild.fill(again, from: script.source, upTo: script.head) { _, _ in true }
        let whole = try IndexFixture(script)
        let (mended, expected) = try (again.digest().digest, whole.index.digest().digest)
        #expect(mended == expected)
        #expect(throws: ProjectionFault.interrupted) {
            let third = try IndexFixture()
            try SearchRebuild.fill(third.index, from: script.source, upTo: script.head) { _, _ in false }
        }
    }

    @Test func whatWasErasedIsNotOnTheDisk() throws {
        let script = SearchScript()
        let secret = "unforgettablesecret"
        let position = script.message("the \(secret) word")
        for number in 0..<2000 { script.message("filler \(number) words that make the index longer") }
        let fixture = try IndexFixture(script)
        script.erase([position])
        let follower = SearchFollower(index: fixture.index, source: script.source)
        try follower.prepare()
        try follower.catchUp(upTo: nil)
        #expect(try fixture.find(secret) == [])
        try fixture.index.scrubIfErased()
        fixture.index.close()
        for name in try FileManager.default.contentsOfDirectory(atPath: fixture.directory) {
            let bytes = try Data(contentsOf: URL(fileURLWithPath: fixture.directory + "/" + name))
            #expect(bytes.range(of: Data(secret.utf8)) == nil, "\(name)")
        }
    }
}
