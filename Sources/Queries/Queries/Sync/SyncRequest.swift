package import ReadModel

/// What a client asks of `/sync`.
package struct SyncRequest: Sendable {
    package var asker: Asker
    /// Nil for an initial sync.
    package var since: SyncToken?
    package var filter: SyncFilter
    /// "If this is set to `true`, then all state events will be returned, even if `since` is non-empty."
    package var fullState: Bool
    /// "servers MUST respond with the state between the previous sync and the **end** of the timeline in `state_after`".
    package var useStateAfter: Bool

    package init(
        asker: Asker,
        since: SyncToken? = nil,
        filter: SyncFilter = SyncFilter(),
        fullState: Bool = false,
        useStateAfter: Bool = false
    ) {
        self.asker = asker
        self.since = since
        self.filter = filter
        self.fullState = fullState
        self.useStateAfter = useStateAfter
    }
}

/// The answer of one look at the views.
package struct SyncAnswer: Sendable {
    /// The whole JSON body.
    package let body: [UInt8]
    /// Whether there is anything in it, so that a long poll need not wait.
    package let hasNews: Bool
    package let nextBatch: SyncToken
    /// What a long poll waits for: changes of this user …
    package let waitUser: UserNum
    /// … and of these rooms. Empty when there is news.
    package let waitRooms: [RoomNum]
}
