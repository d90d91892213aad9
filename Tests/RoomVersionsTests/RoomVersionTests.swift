import RoomVersions
import Testing

@Suite struct RoomVersionTests {
    @Test func everyVersionIsFoundByItsName() {
        #expect(RoomVersion.all.map(\.id) == (1...12).map(String.init))
        for version in RoomVersion.all { #expect(RoomVersion.named(version.id) == version) }
        for unknown in ["", "0", "13", "01", "1 ", "org.example.custom"] { #expect(RoomVersion.named(unknown) == nil) }
    }

    @Test func versionsAreDistinct() {
        #expect(Set(RoomVersion.all).count == 12)
    }

    /// The feature matrix of the specification's room version index, and the differences each page names.
    @Test func rulesBeginAndEndWhereTheSpecificationSays() {
        func since(_ rule: (RoomVersion) -> Bool) -> [String] { RoomVersion.all.filter(rule).map(\.id) }
        func range(_ bounds: ClosedRange<Int>) -> [String] { bounds.map(String.init) }
        #expect(since { $0.eventIDFormat == .opaque } == range(1...2))
        #expect(since { $0.eventIDFormat == .hashStandardBase64 } == ["3"])
        #expect(since { $0.eventIDFormat == .hashURLSafe } == range(4...12))
        #expect(since { $0.stateResolution == .v1 } == ["1"])
        #expect(since { $0.stateResolution == .v2 } == range(2...11))
        #expect(since { $0.stateResolution == .v2_1 } == ["12"])
        #expect(since(\.redactionAuth) == range(1...2))
        #expect(since(\.enforceSignatureExpiry) == range(5...12))
        #expect(since(\.strictCanonicalJSON) == range(6...12))
        #expect(since { $0.maximumDepth == 1 << 53 - 1 } == range(6...12))
        #expect(since(\.aliasesSpecialAuth) == range(1...5))
        #expect(since(\.floatPowerLevels) == range(1...5))
        #expect(since(\.notificationsPowerLevelAuth) == range(6...12))
        #expect(since(\.knock) == range(7...12))
        #expect(since(\.restrictedJoin) == range(8...12))
        #expect(since(\.stringPowerLevels) == range(1...9))
        #expect(since(\.integerPowerLevelsOnly) == range(10...12))
        #expect(since(\.knockRestricted) == range(10...12))
        #expect(since(\.createWithoutCreator) == range(11...12))
        #expect(since(\.redactsInContent) == range(11...12))
        #expect(since(\.roomIDIsCreateHash) == ["12"])
        #expect(since(\.privilegedCreators) == ["12"])
        #expect(since(\.createNotInAuthEvents) == ["12"])
        #expect(since { $0.redactionRules == .v1 } == range(1...5))
        #expect(since { $0.redactionRules == .v6 } == range(6...7))
        #expect(since { $0.redactionRules == .v8 } == ["8"])
        #expect(since { $0.redactionRules == .v9 } == range(9...10))
        #expect(since { $0.redactionRules == .v11 } == range(11...12))
    }
}
