import CanonicalJSON
import MatrixEvents
import MatrixIdentifiers
import RoomVersions
import Testing

@Suite struct PowerLevelsTests {
    private let alice: UserID
    private let bob: UserID
    private let carol: UserID

    init() throws {
        alice = try UserID(parsing: "@alice:example.org")
        bob = try UserID(parsing: "@bob:example.org")
        carol = try UserID(parsing: "@carol:example.org")
    }

    private func levels(_ content: JSONObject?, create: JSONObject = [:], _ version: RoomVersion) -> PowerLevels {
        let creators = RoomCreators(sender: alice, content: create, version: version)
        return PowerLevels(content: content, creators: creators, version: version)
    }

    @Test func defaultsOfAnEmptyEvent() {
        let levels = levels([:], .v11)
        #expect([levels.ban, levels.kick, levels.redact, levels.stateDefault] == [50, 50, 50, 50])
        #expect([levels.invite, levels.usersDefault, levels.eventsDefault] == [0, 0, 0])
        #expect(levels.level(of: alice) == 0)
        #expect(levels.required(forType: "m.room.name", isState: true) == 50)
        #expect(levels.required(forType: "m.room.message", isState: false) == 0)
        #expect(levels.required(forNotification: "room") == 50)
        #expect(levels.isExplicit)
    }

    /// "If the room contains no `m.room.power_levels` event, the room's creator has a power level of 100".
    @Test func withoutAnEventTheCreatorRules() {
        #expect(levels(nil, .v11).level(of: alice) == 100)
        #expect(levels(nil, .v11).level(of: bob) == 0)
        #expect(levels(nil, create: ["creator": "@bob:example.org"], .v10).level(of: alice) == 0)
        #expect(levels(nil, create: ["creator": "@bob:example.org"], .v10).level(of: bob) == 100)
        #expect(levels(nil, create: ["creator": 3], .v10).level(of: alice) == 0)
    }

    @Test func creatorsOfVersionTwelveAreAboveAll() {
        let create: JSONObject = ["additional_creators": ["@bob:example.org", 3, "nobody"]]
        let content: JSONObject = ["users": ["@carol:example.org": 9_007_199_254_740_991]]
        for levels in [levels(content, create: create, .v12), levels(nil, create: create, .v12)] {
            #expect(levels.level(of: alice) == PowerLevels.creatorLevel)
            #expect(levels.level(of: bob) == PowerLevels.creatorLevel)
            #expect(levels.level(of: carol) < PowerLevels.creatorLevel)
        }
        #expect(levels(content, create: create, .v11).level(of: bob) == 0)
    }

    @Test func entriesWinOverDefaults() {
        let content: JSONObject = [
            "ban": 60, "events": ["m.room.name": 10, "m.room.message": 20], "events_default": 5, "invite": 7,
            "kick": 61,
            "notifications": ["room": 33], "redact": 62, "state_default": 70, "users": ["@bob:example.org": -3],
            "users_default": 1,
        ]
        let levels = levels(content, .v11)
        #expect([levels.ban, levels.kick, levels.redact, levels.invite] == [60, 61, 62, 7])
        #expect(levels.level(of: bob) == -3)
        #expect(levels.level(of: carol) == 1)
        #expect(levels.required(forType: "m.room.name", isState: true) == 10)
        #expect(levels.required(forType: "m.room.message", isState: false) == 20)
        #expect(levels.required(forType: "other", isState: false) == 5)
        #expect(levels.required(forType: "other", isState: true) == 70)
        #expect(levels.required(forNotification: "room") == 33)
    }

    @Test func malformedValuesCountAsAbsent() {
        let content: JSONObject = [
            "ban": "60", "events": 4, "invite": [], "kick": .null, "redact": 1.5, "users": ["@bob:example.org": "9"],
            "users_default": ["a": 1],
        ]
        let levels = levels(content, .v12)
        #expect([levels.ban, levels.kick, levels.redact, levels.invite] == [50, 50, 50, 0])
        #expect(levels.level(of: bob) == 0)
    }

    /// "`m.room.power_levels` events accept values as strings", and "as floats".
    @Test(
        arguments: [
            ("100", 100), ("000100", 100), ("+100", 100), ("-100", -100), (" 100 ", 100), (" 00100 ", 100),
            (" +100 ", 100),
            ("\t-100\n", -100), ("-9223372036854775808", Int64.min), ("9223372036854775807", Int64.max),
            // What 64 bits do not hold is the highest or the lowest level.
            ("9223372036854775808", Int64.max), ("-9223372036854775809", Int64.min),
            ("+00099999999999999999999999999999", Int64.max), ("\u{a0}\u{2003}5\u{3000}\u{85}", 5), ("-0", 0),
        ] as [(String, Int64)])
    func strings(text: String, level: Int64) {
        for version in RoomVersion.all {
            #expect(PowerLevelValue.parse(.string(text), version: version) == (version.stringPowerLevels ? level : nil))
        }
    }

    @Test(arguments: [
        "", " ", "+", "-", "--1", "1.5", "1e3", "0x10", "1 0", "\u{661}", "1_000", "- 1", "1-", "99999999999999999999x",
        "1\u{200b}", "1\u{0}", "１", "NaN", "Infinity", "true",
    ])
    func badStrings(text: String) {
        #expect(PowerLevelValue.parse(.string(text), version: .v1) == nil)
    }

    @Test func floats() {
        #expect(PowerLevelValue.parse(50.57, version: .v5) == 50)
        #expect(PowerLevelValue.parse(-50.57, version: .v5) == -50)
        #expect(PowerLevelValue.parse(51_146.98, version: .v5) == 51_146)
        #expect(PowerLevelValue.parse(50.57, version: .v6) == nil)
        for huge in [1e300, 9.3e18, 0x1p63] { #expect(PowerLevelValue.parse(.double(huge), version: .v1) == .max) }
        for huge in [-1e300, -9.3e18] { #expect(PowerLevelValue.parse(.double(huge), version: .v1) == .min) }
        for none in [Double.infinity, -.infinity, .nan] {
            #expect(PowerLevelValue.parse(.double(none), version: .v1) == nil)
        }
        for other in [JSONValue.null, true, [], [:]] { #expect(PowerLevelValue.parse(other, version: .v1) == nil) }
    }

    /// Every shape of a level that rooms have been seen with, and what it is worth in the versions.
    @Test(
        arguments: [
            // What it is worth until v5, until v9, and from v10 on; nil where it counts as absent.
            (7, 7, 7, 7), (-7, -7, -7, -7), (0, 0, 0, 0), (9_007_199_254_740_991, maximum, maximum, maximum),
            (-9_007_199_254_740_991, -maximum, -maximum, -maximum), ("7", 7, 7, nil), (" +07\t", 7, 7, nil),
            ("-7", -7, -7, nil), ("", nil, nil, nil), ("seven", nil, nil, nil), ("7.0", nil, nil, nil),
            ("7e1", nil, nil, nil), ("99999999999999999999", .max, .max, nil),
            ("-99999999999999999999", .min, .min, nil),
            (7.9, 7, nil, nil), (-7.9, -7, nil, nil), (1e300, .max, nil, nil), (-1e300, .min, nil, nil),
            (.null, nil, nil, nil), (true, nil, nil, nil), (false, nil, nil, nil), ([], nil, nil, nil),
            ([7], nil, nil, nil), ([:], nil, nil, nil), (["level": 7], nil, nil, nil),
        ] as [(JSONValue, Int64?, Int64?, Int64?)])
    func everyShape(value: JSONValue, untilFive: Int64?, untilNine: Int64?, later: Int64?) throws {
        let user = try UserID(parsing: "@u:example.org")
        for (index, version) in RoomVersion.all.enumerated() {
            let worth = index < 5 ? untilFive : index < 9 ? untilNine : later
            let names = ["ban", "kick", "redact", "invite", "users_default", "events_default", "state_default"]
            var content = JSONObject(names.map { ($0, value) })
            content["users"] = ["@u:example.org": value]
            content["events"] = ["m.x": value]
            content["notifications"] = ["room": value]
            let levels = PowerLevels(content: content, create: nil, version: version)
            let read = [
                levels.ban, levels.kick, levels.redact, levels.invite, levels.usersDefault, levels.eventsDefault,
                levels.stateDefault, levels.level(of: user), levels.required(forType: "m.x", isState: false),
                levels.required(forType: "m.x", isState: true), levels.required(forNotification: "room"),
            ]
            // Without a level of its own, a thing has the default of the event, or that of the specification.
            let defaults: [Int64] = [50, 50, 50, 0, 0, 0, 50, 0, 0, 50, 50]
            #expect(read == defaults.map { worth ?? $0 }, "v\(version) \(value)")
        }
    }

    private static let maximum: Int64 = 9_007_199_254_740_991

    /// A table that is no object holds nothing.
    @Test(arguments: RoomVersion.all)
    func tablesThatAreNone(version: RoomVersion) throws {
        let user = try UserID(parsing: "@u:example.org")
        for odd in [JSONValue.null, 3, "x", true, [["@u:example.org", 7]]] {
            let levels = PowerLevels(
                content: ["users": odd, "events": odd, "notifications": odd], create: nil, version: version)
            #expect(levels.level(of: user) == 0)
            #expect(levels.required(forType: "m.x", isState: true) == 50)
            #expect(levels.required(forNotification: "room") == 50)
        }
    }
}
