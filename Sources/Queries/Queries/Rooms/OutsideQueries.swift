package import MatrixIdentifiers
package import ReadModel

/// Answers what is known of rooms that nobody here is in.
package struct OutsideQueries: Sendable {
    private let views: Views

    package init(views: Views) {
        self.views = views
    }

    /// A user's invitation to, or knock on, a room that nobody here is in, or the end of one; nil when there is none, or when
    /// the room itself has told of the user since.
    package func membership(
        of user: UserID, in room: RoomID
    ) throws -> (membership: StoredMembership, row: OutsideRow)? {
        try views.snapshot { snapshot in
            guard let userNumber = try snapshot.number(of: user), let roomNumber = try snapshot.number(of: room),
                let current = try snapshot.membership(of: userNumber, in: roomNumber),
                let row = try snapshot.outside(userNumber, roomNumber, at: current.position)
            else { return nil }
            return (current.membership, row)
        }
    }
}
