import MatrixEvents
import Testing

@Suite struct EventVisibilityTests {
    private static let memberships: [Membership?] = [nil] + Membership.allCases

    /// Rules 1 to 5, for every visibility, membership and later history.
    @Test func everyCombination() {
        for visibility in HistoryVisibility.allCases {
            for membership in Self.memberships {
                for joinedLater in [false, true] {
                    let expected =
                        switch (visibility, membership) {
                        case (.worldReadable, _), (_, .join): true
                        case (.shared, _): joinedLater
                        case (.invited, .invite): true
                        default: false
                        }
                    let sight = EventVisibility(
                        visibility: visibility, membership: membership, joinedLater: joinedLater)
                    #expect(
                        sight.isVisible == expected, "\(visibility) \(String(describing: membership)) \(joinedLater)")
                }
            }
        }
    }

    @Test func aChangeOfVisibilityIsSeenUnderBoth() {
        for (before, after) in [(HistoryVisibility.worldReadable, HistoryVisibility.joined), (.joined, .worldReadable)]
        {
            var sight = EventVisibility(
                visibility: after, visibilityBefore: before, membership: nil, joinedLater: false)
            #expect(sight.isVisible)
            sight.visibility = .joined
            sight.visibilityBefore = .invited
            #expect(!sight.isVisible)
        }
    }

    @Test func onesOwnMembershipIsSeenBeforeOrAfter() {
        for after in [Membership.leave, .ban] {
            let left = EventVisibility(
                visibility: .joined, membership: after, membershipBefore: .join, joinedLater: false)
            #expect(left.isVisible)
            let declined = EventVisibility(
                visibility: .invited, membership: after, membershipBefore: .invite, joinedLater: false)
            #expect(declined.isVisible)
            let stranger = EventVisibility(visibility: .joined, membership: after, joinedLater: true)
            #expect(!stranger.isVisible)
        }
    }

    @Test func serversSeeWhatOneOfTheirUsersSees() {
        for visibility in [HistoryVisibility.worldReadable, .shared] {
            #expect(EventVisibility.isVisible(toServerIn: visibility, memberships: []))
        }
        #expect(!EventVisibility.isVisible(toServerIn: .invited, memberships: [.leave, .knock]))
        #expect(EventVisibility.isVisible(toServerIn: .invited, memberships: [.leave, .invite]))
        #expect(!EventVisibility.isVisible(toServerIn: .joined, memberships: [.invite, .ban]))
        #expect(EventVisibility.isVisible(toServerIn: .joined, memberships: [.invite, .join]))
    }
}
