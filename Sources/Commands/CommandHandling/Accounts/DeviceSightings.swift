import CanonicalJSON
import EventLog
package import LogEvents
package import MatrixIdentifiers
import Synchronization

/// Where devices were last seen, gathered in memory and written to the log now and then, so that reading costs no write.
package final class DeviceSightings: Sendable {
    private struct Device: Hashable {
        let userID: String
        let deviceID: String
    }

    private struct Sighting {
        let ip: String
        let userAgent: String?
        let timestampMs: Int64
    }

    private struct Gathered {
        var fresh: [Device: Sighting] = [:]
        /// When each device was last written, so that a busy one is not written each time.
        var written: [Device: Int64] = [:]
    }

    /// A device is written at most this often.
    package static let intervalMs: Int64 = 5 * 60 * 1000
    private static let capacity = 50_000

    private let gathered = Mutex(Gathered())

    package init() {}

    /// Notes a request of a device.
    package func note(user: UserID, deviceID: String, ip: String, userAgent: String?, nowMs: Int64) {
        let device = Device(userID: user.rawValue, deviceID: deviceID)
        gathered.withLock { gathered in
            if let last = gathered.written[device], nowMs &- last < Self.intervalMs { return }
            guard gathered.fresh.count < Self.capacity || gathered.fresh[device] != nil else { return }
            gathered.fresh[device] = Sighting(ip: ip, userAgent: userAgent, timestampMs: nowMs)
        }
    }

    /// Takes what was gathered, as one record; nil when there is nothing.
    package func take() -> DevicesSeen? {
        let fresh = gathered.withLock { gathered in
            let fresh = gathered.fresh
            gathered.fresh = [:]
            if gathered.written.count > Self.capacity { gathered.written = [:] }
            for (device, sighting) in fresh { gathered.written[device] = sighting.timestampMs }
            return fresh
        }
        guard !fresh.isEmpty else { return nil }
        let ordered = fresh.sorted {
            ($0.key.userID, $0.key.deviceID) < ($1.key.userID, $1.key.deviceID)
        }
        return DevicesSeen(
            sightings: .array(
                ordered.map { device, sighting in
                    var entry: JSONObject = [
                        "user_id": .string(device.userID), "device_id": .string(device.deviceID),
                        "ip": .string(sighting.ip), "ts": .integer(sighting.timestampMs),
                    ]
                    if let userAgent = sighting.userAgent { entry["user_agent"] = .string(userAgent) }
                    return .object(entry)
                }))
    }
}

extension AccountCommands {
    /// Writes what ``DeviceSightings`` has gathered; the assembly calls it every few minutes and at the end.
    package func flush(_ sightings: DeviceSightings) async throws {
        guard let fact = sightings.take() else { return }
        let stream = StreamID(kind: .server, name: "devices-seen")
        try await append([fact.record(stream: stream, actor: "", cause: "devices-seen")])
    }
}
