import KeyValueStore
package import MatrixIdentifiers
package import ReadModel

/// Where users have read up to.
package struct ReceiptQueries: Sendable {
    package let views: Views

    package init(views: Views) {
        self.views = views
    }

    /// A user's receipt in a room, of one type and one thread (nil: of no thread).
    package func receipt(
        _ room: RoomID, user: UserID, type: String, threadID: String?
    ) throws -> ReceiptRow? {
        guard let kind = ReceiptSuffix.Kind(text: type) else { return nil }
        return try views.snapshot { snapshot in
            guard let roomNumber = try snapshot.number(of: room), let userNumber = try snapshot.number(of: user) else {
                return nil
            }
            let suffix = ReceiptSuffix(user: userNumber, kind: kind, threadHash: ViewKeys.threadHash(threadID))
            let value = try snapshot.get(snapshot.tables.receiptsRows, ViewKeys.receipt(roomNumber, suffix))
            return try value.map { try ReceiptRow(reading: $0) }
        }
    }
}
