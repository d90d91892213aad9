/// Whether a user may see an event ("Room History Visibility", server behaviour).
///
/// "The rules governing whether a user is allowed to see an event depend on the state of the room *at that event*."
package struct EventVisibility: Sendable {
    /// The room's history visibility at the event; for an event that changes it, the one after it.
    package var visibility: HistoryVisibility
    /// Of an `m.room.history_visibility` event, the visibility before it; nil for every other event.
    package var visibilityBefore: HistoryVisibility?
    /// The user's membership at the event; for the user's own `m.room.member`, the one after it. nil for none.
    package var membership: Membership?
    /// Of the user's own `m.room.member` event, the membership before it; nil for every other event.
    package var membershipBefore: Membership?
    /// Whether "the user joined the room at any point after the event was sent".
    package var joinedLater: Bool

    package init(
        visibility: HistoryVisibility,
        visibilityBefore: HistoryVisibility? = nil,
        membership: Membership?,
        membershipBefore: Membership? = nil,
        joinedLater: Bool
    ) {
        self.visibility = visibility
        self.visibilityBefore = visibilityBefore
        self.membership = membership
        self.membershipBefore = membershipBefore
        self.joinedLater = joinedLater
    }

    /// Whether the user may see the event.
    package var isVisible: Bool {
        if allows(visibility, membership) { return true }
        // "For `m.room.history_visibility` events themselves, the user should be allowed to see the event if the
        // `history_visibility` before *or* after the event would allow them to see it."
        if let visibilityBefore, allows(visibilityBefore, membership) { return true }
        // "Likewise, for the user's own `m.room.member` events, the user should be allowed to see the event if their
        // `membership` before *or* after the event would allow them to see it."
        guard let membershipBefore else { return false }
        return allows(visibility, membershipBefore)
    }

    private func allows(_ visibility: HistoryVisibility, _ membership: Membership?) -> Bool {
        // "1. If the `history_visibility` was set to `world_readable`, allow."
        if visibility == .worldReadable { return true }
        // "2. If the user's `membership` was `join`, allow."
        if membership == .join { return true }
        // "3. If `history_visibility` was set to `shared`, and the user joined the room at any point after the event was
        // sent, allow."
        if visibility == .shared, joinedLater { return true }
        // "4. If the user's `membership` was `invite`, and the `history_visibility` was set to `invited`, allow."
        // "5. Otherwise, deny."
        return visibility == .invited && membership == .invite
    }

    /// Whether a server may be given an event, by the memberships that its users had at the event.
    ///
    /// A server that is in the room gets what any of its users could see; with `shared` they could all join.
    package static func isVisible(
        toServerIn visibility: HistoryVisibility, memberships: some Sequence<Membership>
    ) -> Bool {
        switch visibility {
        case .worldReadable, .shared: true
        case .invited: memberships.contains { $0 == .join || $0 == .invite }
        case .joined: memberships.contains(.join)
        }
    }
}
