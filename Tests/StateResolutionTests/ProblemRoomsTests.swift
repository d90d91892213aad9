import CanonicalJSON
import EventAuthorization
import Foundation
import MatrixEvents
import MatrixIdentifiers
import RoomVersions
import Simulation
import Testing

/// The rooms in `fixtures/rooms`: published state resets, and what each algorithm makes of them.
struct ProblemRoomsTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "fixtures/rooms")

    private func fixture(_ story: RoomStory) -> URL {
        Self.folder.appending(path: "\(story.name)-v\(story.version).json")
    }

    /// The files are made by `RoomStory.all()`; ENGRAM_WRITE_FIXTURES makes them anew.
    @Test func fixturesAreWhatTheStoriesSay() throws {
        let isWriting = ProcessInfo.processInfo.environment["ENGRAM_WRITE_FIXTURES"] != nil
        for story in try RoomStory.all() {
            let text = Data(story.fixture.utf8)
            if isWriting { try text.write(to: fixture(story)) }
            #expect(try Data(contentsOf: fixture(story)) == text, "\(story.name) \(story.version)")
        }
    }

    @Test func bothResolutionsGiveWhatIsExpected() throws {
        var count = 0
        for name in try FileManager.default.contentsOfDirectory(atPath: Self.folder.path()).sorted()
        where name.hasSuffix(".json") {
            let story = try RoomStory(fixture: Array(Data(contentsOf: Self.folder.appending(path: name))))
            var naive = story.naive
            let expected = naive.resolve(story.states)
            #expect(story.surprises(in: expected) == [])
            let fast = try FastResolution(version: story.version, events: story.events, order: story.order)
            #expect(try fast.resolve(story.states) == expected)
            #expect(try fast.resolve(story.states.reversed()) == expected)
            count += 1
        }
        #expect(try count == RoomStory.all().count)
    }

    /// Every event of a story is one that servers accept: allowed by its own auth events.
    @Test func storiesAreMadeOfValidEvents() throws {
        for story in try RoomStory.all() {
            for eventID in story.order {
                let pdu = try #require(story.events[eventID])
                let authEvents = pdu.authEvents.compactMap { story.events[$0] }
                let create =
                    story.version.createNotInAuthEvents ? story.order.prefix(1).compactMap { story.events[$0] } : []
                #expect(throws: Never.self) {
                    try EventAuthorizer.check(
                        pdu, eventID: eventID, roomID: story.roomID, version: story.version,
                        state: DictionaryAuthState(create + authEvents))
                }
            }
        }
    }

    @Test(arguments: [("msc4297-problem-a", "m.room.join_rules"), ("msc4297-problem-b", "m.room.power_levels")])
    func versionTwelveDoesNotReset(name: String, type: String) throws {
        for story in try RoomStory.all() where story.name == name {
            let newest = story.order.last { story.events[$0]?.type == type }
            var naive = story.naive
            let resolved = naive.resolve(story.states)[NaiveStateKey(type)]
            #expect((resolved == newest) == (story.version == .v12))
        }
    }

    /// MSC4291: a second beginning is another room from v12 on, and its events do not pass in this one.
    @Test func secondBeginningIsAnotherRoom() throws {
        let one = try #require(try RoomStory.all().first { $0.version == .v12 })
        let maker = EventMaker(version: .v12, roomID: nil)
        let place = EventMaker.Place(prevEvents: [], authEvents: [], depth: 1, time: 7)
        let draft = EventMaker.Draft("m.room.create", "", by: "@mallory:a.example", ["room_version": "12"])
        let opaque = try #require(EventID("$unused"))
        let (create, createPDU) = try maker.identified(draft, at: place, opaque: opaque)
        let other = EventMaker(version: .v12, roomID: RoomID(createEventID: create))
        let join = try other.pdu(
            EventMaker.Draft("m.room.member", "@mallory:a.example", by: "@mallory:a.example", ["membership": "join"]),
            at: EventMaker.Place(prevEvents: [create], authEvents: [], depth: 2, time: 8), eventID: opaque)
        #expect(throws: AuthRejection.self) {
            try EventAuthorizer.check(
                join, eventID: opaque, roomID: one.roomID, version: .v12, state: DictionaryAuthState([createPDU]),
                createEventID: create)
        }
    }
}
