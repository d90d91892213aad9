package import CanonicalJSON
import EventLog
import KeyValueStore
package import MatrixIdentifiers
package import ReadModel

/// Users' pushers.
package struct PusherQueries: Sendable {
    package let views: Views

    package init(views: Views) {
        self.views = views
    }

    /// A user's pushers as clients see them.
    package func pushers(of user: UserID) throws -> [JSONObject] {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: user) else { return [] }
            return try snapshot.pushers(of: number).sorted { $0.since < $1.since }.compactMap { row in
                try JSONObject.parse(row.json, limits: .storedData)
            }
        }
    }
}

extension Snapshot {
    func pushers(of user: UserNum) throws -> [PusherRow] {
        var rows: [PusherRow] = []
        try forEach(tables.pushersRows, prefix: ViewKeys.user(user)) { _, value in
            rows.append(try PusherRow(reading: value))
            return true
        }
        return rows
    }
}
