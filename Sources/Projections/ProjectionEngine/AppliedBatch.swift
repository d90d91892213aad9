package import EventLog
package import ReadModel

/// What a committed batch changed: who must look again.
package struct AppliedBatch: Sendable {
    /// The last record that the views now include.
    package var head: LogPosition
    /// Rooms with a new event, receipt, account data or directory entry.
    package var rooms: Set<RoomNum> = []
    /// Users whose memberships, account data, profile, devices or account changed.
    package var users: Set<UserNum> = []
    /// Users of whom an access token ended.
    package var tokensRevoked: Set<UserNum> = []

    package init(head: LogPosition) {
        self.head = head
    }
}
