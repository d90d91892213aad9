import CanonicalJSON
import KeyValueStore
package import MatrixIdentifiers
package import ReadModel

/// What other servers may know of the devices of users here.
package struct FederationDeviceQueries: Sendable {
    private let views: Views

    package init(views: Views) {
        self.views = views
    }

    /// `GET /user/devices/{userId}`: the devices that have identity keys, and the user's public cross-signing keys.
    ///
    /// - Parameter namesDevices: whether the devices' display names are told.
    /// - Throws: ``QueryRefusal`` 404 for one who has no account here.
    package func devices(of userID: UserID, namesDevices: Bool) throws -> [UInt8] {
        try views.snapshot { snapshot in
            guard let user = try snapshot.number(of: userID), try snapshot.account(user) != nil else {
                throw QueryRefusal.notFound("There is no such user.")
            }
            var writer = JSONWriter(capacity: 4096)
            writer.beginObject()
            writer.key("devices")
            writer.beginArray()
            try snapshot.forEach(snapshot.tables.keysDevices, prefix: ViewKeys.user(user)) { key, value in
                let row = try KeyDeviceRow(reading: value)
                if row.keysJSON.isEmpty { return true }
                writer.beginObject()
                writer.key("device_id")
                writer.string(utf8: UnsafeRawBufferPointer(rebasing: key.dropFirst(4)))
                if namesDevices, !row.nameJSON.isEmpty { writer.field("device_display_name", raw: row.nameJSON) }
                writer.field("keys", raw: row.keysJSON)
                writer.endObject()
                return true
            }
            writer.endArray()
            // Signatures of others are nobody's business but theirs.
            if let key = try snapshot.crossSigningKey(of: user, .master, seenBy: .none) {
                writer.field("master_key", raw: key)
                if let key = try snapshot.crossSigningKey(of: user, .selfSigning, seenBy: .none) {
                    writer.field("self_signing_key", raw: key)
                }
            }
            // The id of the last update that other servers were told, so that the next one follows it.
            writer.field("stream_id", try DeviceListStream.newest(of: user, snapshot))
            writer.field("user_id", userID.rawValue)
            writer.endObject()
            return writer.bytes
        }
    }
}
