import CanonicalJSON
package import EventLog
import KeyValueStore
package import MatrixEvents
package import MatrixIdentifiers
package import ReadModel

/// The changes of local users' devices as other servers are told: `m.device_list_update` in a sequence for each user, and
/// `m.signing_key_update`.
///
/// A stream id is made of the epoch, the position of the record that made the change, and the place of the device in it. So
/// none is used twice, also not after a restore into the past.
package struct DeviceListStream: Sendable {
    package let views: Views
    /// More devices in one record are not told one by one: the others are made to ask for the whole list.
    package static let mostDevices = 64
    private static let positionBits: Int64 = 37
    private static let placeBits: Int64 = 7

    package init(views: Views) {
        self.views = views
    }

    static func streamID(_ epoch: UInt64, _ position: LogPosition, place: Int) -> Int64 {
        // At most 2^53, "the range of integers is [-(2^53)+1, (2^53)-1]": 512 epochs of 137 thousand million records.
        let epoch = Int64(clamping: max(epoch, 1) - 1) & 0x1ff
        let position = Int64(truncatingIfNeeded: position.rawValue) & ((1 << positionBits) - 1)
        return (epoch << positionBits | position) << placeBits | Int64(place)
    }

    /// The newest stream id of a user; 0 when there was never a change. `GET /user/devices/{userId}` tells it.
    package func newest(of user: UserID) throws -> Int64 {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: user) else { return 0 }
            return try Self.newest(of: number, snapshot)
        }
    }

    static func newest(of user: UserNum, _ snapshot: Snapshot) throws -> Int64 {
        try last(of: user, before: LogPosition(rawValue: .max), snapshot) ?? 0
    }

    /// The last stream id given to a user before a record.
    private static func last(
        of user: UserNum, before position: LogPosition, _ snapshot: Snapshot
    ) throws -> Int64? {
        var found: Int64?
        try snapshot.forEach(
            snapshot.tables.keysListHistory, to: ViewKeys.listHistory(user, position), prefix: ViewKeys.user(user),
            reversed: true
        ) { key, value in
            let row = try ListHistoryRow(reading: value)
            guard !row.deviceIDs.isEmpty, let place: UInt64 = key.number(at: 4) else { return true }
            let count = row.deviceIDs.count > mostDevices ? 1 : row.deviceIDs.count
            found = streamID(row.epoch, LogPosition(rawValue: place), place: count - 1)
            return false
        }
        return found
    }

    /// Whether a record changed what others may know of a user's devices.
    package func changed(_ user: UserID, at position: LogPosition) throws -> Bool {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: user) else { return false }
            return try snapshot.contains(snapshot.tables.keysListHistory, ViewKeys.listHistory(number, position))
        }
    }

    /// What other servers are told of a record's change, with the keys as they are now.
    ///
    /// - Parameter namesDevices: whether the display names of devices are told.
    package func updates(of user: UserID, at position: LogPosition, namesDevices: Bool) throws -> [EDU] {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: user),
                let value = try snapshot.get(
                    snapshot.tables.keysListHistory, ViewKeys.listHistory(number, position))
            else { return [] }
            let row = try ListHistoryRow(reading: value)
            var updates: [EDU] = []
            // "The stream_ids of any prior m.device_list_update EDUs sent for this user which have not been referred to
            // already in an EDU's prev_id field."
            var previous = try Self.last(of: number, before: position, snapshot)
            let isTooMany = row.deviceIDs.count > Self.mostDevices
            for (place, deviceID) in row.deviceIDs.prefix(isTooMany ? 1 : Self.mostDevices).enumerated() {
                let id = Self.streamID(row.epoch, position, place: place)
                var content: JSONObject = [
                    "user_id": .string(user.rawValue), "device_id": .string(deviceID), "stream_id": .integer(id),
                ]
                // "If the receiving server does not recognise any of the prev_ids, it means an EDU has been lost": nobody
                // has seen an update of this very record that is never sent.
                if isTooMany { previous = Self.streamID(row.epoch, position, place: 127) }
                content["prev_id"] = .array(previous.map { [.integer($0)] } ?? [])
                try snapshot.describe(number, deviceID, in: &content, namesDevices: namesDevices)
                updates.append(EDU(type: "m.device_list_update", content: content))
                previous = id
            }
            if row.isSigningKeysChanged {
                var content: JSONObject = ["user_id": .string(user.rawValue)]
                for (usage, name) in [(CrossSigningUsage.master, "master_key"), (.selfSigning, "self_signing_key")] {
                    let key = ViewKeys.crossSigning(number, usage)
                    guard let value = try snapshot.get(snapshot.tables.keysCrossSigning, key) else { continue }
                    content[name] = try JSONValueReader.object(value).map(JSONValue.object)
                }
                updates.append(EDU(type: "m.signing_key_update", content: content))
            }
            return updates
        }
    }
}

extension Snapshot {
    fileprivate func describe(
        _ user: UserNum, _ deviceID: String, in content: inout JSONObject, namesDevices: Bool
    ) throws {
        guard let value = try get(tables.keysDevices, ViewKeys.device(user, deviceID)) else {
            // "True if the server is announcing that this device has been deleted."
            content["deleted"] = true
            return
        }
        let row = try KeyDeviceRow(reading: value)
        if !row.keysJSON.isEmpty { content["keys"] = try JSONValueReader.object(row.keysJSON).map(JSONValue.object) }
        if namesDevices, !row.nameJSON.isEmpty {
            content["device_display_name"] = try JSONValue.parse(Array(row.nameJSON), limits: .stored)
        }
    }
}
