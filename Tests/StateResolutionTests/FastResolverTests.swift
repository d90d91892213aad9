import CanonicalJSON
import RoomVersions
import Testing

@testable import StateResolution

/// Forks whose outcome can be told by looking.
struct FastResolverTests {
    private static let all = RoomVersion.all
    private static let bob = "@bob:a.org"
    private static let carol = "@carol:a.org"

    @Test(arguments: all) func equalStatesAreLeftAlone(version: RoomVersion) throws {
        var room = try FastRoom(version)
        let state = try room.beginning()
        #expect(try room.resolve([state, state]) == state)
        #expect(try room.resolve([state]) == state)
        #expect(try room.resolve([]).isEmpty)
    }

    @Test(arguments: all) func joinsOfBothSidesAreKept(version: RoomVersion) throws {
        var room = try FastRoom(version)
        var left = try room.beginning()
        var right = left
        try room.join(Self.bob, in: &left)
        try room.join(Self.carol, in: &right)
        let both = left.merging(right) { $1 }
        #expect(try room.resolve([left, right]) == both)
        #expect(try room.resolve([right, left]) == both)
    }

    @Test(arguments: all.dropFirst()) func aBanWinsOverWhatTheBannedDid(version: RoomVersion) throws {
        var room = try FastRoom(version)
        var left = try room.beginning()
        try room.setLevels([Self.bob: 50], by: "@alice:a.org", in: &left)
        try room.join(Self.bob, in: &left)
        let before = try room.setTopic("before", by: "@alice:a.org", in: &left)
        var right = left
        let ban = try room.ban(Self.bob, by: "@alice:a.org", in: &left)
        try room.setTopic("Bob's", by: Self.bob, in: &right)
        let resolved = try room.resolve([left, right])
        #expect(room.event("m.room.member", Self.bob, in: resolved) == ban)
        #expect(room.event("m.room.topic", in: resolved) == before)
    }

    @Test(arguments: all.dropFirst()) func theHigherPowerGoesFirst(version: RoomVersion) throws {
        var room = try FastRoom(version)
        var left = try room.beginning()
        try room.join(Self.bob, in: &left)
        try room.setLevels([Self.bob: 90], by: "@alice:a.org", in: &left)
        var right = left
        // Alice takes Bob's power away, later by the clock than Bob makes Carol mighty.
        let taken = try room.setLevels([:], by: "@alice:a.org", in: &left, at: 900_000)
        try room.setLevels([Self.bob: 90, Self.carol: 80], by: Self.bob, in: &right, at: 100_000)
        for states in [[left, right], [right, left]] {
            #expect(try room.event("m.room.power_levels", in: room.resolve(states)) == taken)
        }
    }

    @Test(arguments: all.dropFirst()) func timeThenEventIDDecideBetweenEquals(version: RoomVersion) throws {
        var room = try FastRoom(version)
        var left = try room.beginning()
        var right = left
        try room.setTopic("first", by: "@alice:a.org", in: &left, at: 100)
        let later = try room.setTopic("later", by: "@alice:a.org", in: &right, at: 200)
        #expect(try room.event("m.room.topic", in: room.resolve([left, right])) == later)
        // Two with the time of the later one: the greatest ID, by bytes, is applied last.
        var third = left
        var fourth = left
        try room.setTopic("third", by: "@alice:a.org", in: &third, at: 200)
        let last = try room.setTopic("fourth", by: "@alice:a.org", in: &fourth, at: 200)
        #expect(try room.event("m.room.topic", in: room.resolve([fourth, right, third, left])) == last)
    }

    @Test func versionOneTakesTheDeepest() throws {
        var room = try FastRoom(.v1)
        var left = try room.beginning()
        var right = left
        try room.setTopic("shallow", by: "@alice:a.org", in: &left, at: 900_000)
        let deep = try room.setTopic("deep", by: "@alice:a.org", in: &right, at: 100)
        // A slot that only one state has is no conflict in v1.
        let join = try room.join(Self.bob, in: &left)
        let resolved = try room.resolve([left, right])
        #expect(room.event("m.room.topic", in: resolved) == deep)
        #expect(room.event("m.room.member", Self.bob, in: resolved) == join)
    }

    @Test func versionOneStopsAtTheFirstThatIsNotAllowed() throws {
        var room = try FastRoom(.v1)
        var left = try room.beginning()
        try room.join(Self.bob, in: &left)
        var right = left
        let allowed = try room.setLevels([Self.bob: 10], by: "@alice:a.org", in: &left)
        try room.setLevels([Self.bob: 100], by: Self.bob, in: &right)
        #expect(try room.event("m.room.power_levels", in: room.resolve([left, right])) == allowed)
    }

    @Test(arguments: all) func theAnswerIsADifferenceFromTheNearestInput(version: RoomVersion) throws {
        var room = try FastRoom(version)
        var left = try room.beginning()
        let base = left
        var right = left
        for number in 0..<5 { try room.join("@l\(number):a.org", in: &left) }
        try room.join(Self.carol, in: &right)
        func difference(_ state: FastRoom.State) -> StateDifference {
            StateDifference(
                state.filter { base[$0.key] != $0.value }.map { .init(slot: $0.key, event: $0.value) })
        }
        let input = ResolutionInput(base: DictionaryState(base), states: [difference(right), difference(left)])
        let resolved = try StateResolver.resolve(input, version: version, source: room.source)
        #expect(resolved.nearestInput == 1)
        #expect(resolved.differenceFromNearest == difference(right))
        #expect(resolved.differenceFromBase == StateDifference(difference(left).changes + difference(right).changes))
    }
}
