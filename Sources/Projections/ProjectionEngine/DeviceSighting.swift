import CanonicalJSON
import LogEvents

/// Where a device was last seen.
package struct DeviceSighting: Sendable, Hashable {
    package let userID: String
    package let deviceID: String
    package let ip: String?
    package let userAgent: String?
    package let timestampMs: Int64

    /// The readable sightings of a record; what lacks a user, a device or a time says nothing.
    static func all(in fact: DevicesSeen) -> [DeviceSighting] {
        (fact.sightings.arrayValue ?? []).compactMap { value in
            guard let userID = value["user_id"]?.stringValue, let deviceID = value["device_id"]?.stringValue,
                let timestamp = value["ts"]?.integerValue
            else { return nil }
            return DeviceSighting(
                userID: userID,
                deviceID: deviceID,
                ip: value["ip"]?.stringValue,
                userAgent: value["user_agent"]?.stringValue,
                timestampMs: timestamp
            )
        }
    }
}
