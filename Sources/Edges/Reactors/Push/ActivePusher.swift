import CanonicalJSON
import CommandHandling
import EventLog
import MatrixIdentifiers
import Queries
import ReadModel

/// A pusher with everything that is needed to deliver to it.
struct ActivePusher: Sendable {
    let user: UserNum
    let userID: UserID
    let row: PusherRow
    let url: GatewayURL
    /// "Servers MUST forward the entire content including `format` and any custom keys but excluding `url`".
    let data: JSONObject
    let isEventIDOnly: Bool

    /// Nil when its data is damaged, which commands do not let through.
    init?(_ owned: PushQueries.OwnedPusher) {
        let object: JSONObject?
        do throws(JSONError) {
            object = try JSONObject.parse(owned.row.json, limits: .stored)
        } catch {
            return nil
        }
        guard var data = object?["data"]?.objectValue, let text = data["url"]?.stringValue, let url = GatewayURL(text)
        else { return nil }
        data.removeValue(forKey: "url")
        user = owned.user
        userID = owned.userID
        row = owned.row
        self.url = url
        self.data = data
        isEventIDOnly = data["format"]?.stringValue == "event_id_only"
    }

    /// Which pusher of all it is; also in the names of cursors.
    struct ID: Hashable, Sendable {
        let hash: (UInt64, UInt64)

        init(userID: UserID, row: PusherRow) {
            hash = FixedHash.pair(userID.rawValue, row.appID, row.pushKey)
        }

        static func == (left: ID, right: ID) -> Bool { left.hash == right.hash }

        func hash(into hasher: inout Hasher) {
            hasher.combine(hash.0)
            hasher.combine(hash.1)
        }

        var cursorName: String { "push/" + String(hash.0, radix: 16) + "-" + String(hash.1, radix: 16) }
    }

    var id: ID { ID(userID: userID, row: row) }
}
