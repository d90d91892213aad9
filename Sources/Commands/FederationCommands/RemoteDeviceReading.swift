package import CanonicalJSON
package import LogEvents
package import MatrixIdentifiers
package import Queries

/// Reads what other servers say of their users' devices; what does not fit together is nobody's.
package enum RemoteDeviceReading {
    static let mostDevices = 2_000
    static let longestDeviceID = 1_024
    static let longestName = 1_024

    /// The keys of a device, when they are that device's.
    package static func keys(_ value: JSONValue?, user: UserID, deviceID: String) -> JSONObject? {
        guard let keys = value?.objectValue, keys["user_id"]?.stringValue.map({ UserID($0) == user }) == true,
            keys["device_id"]?.stringValue?.utf8.elementsEqual(deviceID.utf8) == true,
            keys["keys"]?.objectValue != nil
        else { return nil }
        var kept = keys
        // "unsigned" is what the server adds.
        kept.removeValue(forKey: "unsigned")
        return kept
    }

    static func displayName(_ value: JSONValue?) -> String? {
        value?.stringValue.flatMap { $0.utf8.count <= longestName ? $0 : nil }
    }

    /// A cross-signing key, when it is the user's and of that usage.
    package static func signingKey(_ value: JSONValue?, user: UserID, usage: String) -> JSONObject? {
        guard let key = value?.objectValue, key["user_id"]?.stringValue.map({ UserID($0) == user }) == true,
            key["usage"]?.arrayValue?.contains(.string(usage)) == true, key["keys"]?.objectValue != nil
        else { return nil }
        return key
    }

    /// The answer of `GET /user/devices/{userId}`.
    package static func list(_ answer: JSONObject, of user: UserID) -> RemoteDevicesLearned? {
        guard answer["user_id"]?.stringValue.map({ UserID($0) == user }) == true,
            let streamID = answer["stream_id"]?.integerValue, let values = answer["devices"]?.arrayValue,
            values.count <= mostDevices
        else { return nil }
        var devices: [RemoteDevice] = []
        for value in values {
            guard let deviceID = value["device_id"]?.stringValue, !deviceID.isEmpty,
                deviceID.utf8.count <= longestDeviceID
            else { continue }
            devices.append(
                RemoteDevice(
                    deviceID: deviceID, displayName: displayName(value["device_display_name"]),
                    keys: keys(value["keys"], user: user, deviceID: deviceID)))
        }
        return RemoteDevicesLearned(
            userID: user.rawValue, streamID: streamID, devices: devices,
            master: signingKey(answer["master_key"], user: user, usage: "master"),
            selfSigning: signingKey(answer["self_signing_key"], user: user, usage: "self_signing"))
    }

    /// The answer of `POST /user/keys/query`, as far as it is about the users who were asked for.
    package static func answer(_ object: JSONObject, about users: [KeyQueries.Wanted]) -> RemoteKeyAnswer {
        var answer = RemoteKeyAnswer()
        for wanted in users {
            let (user, name) = (wanted.user, wanted.user.rawValue)
            if let devices = object["device_keys"]?[name]?.objectValue {
                var kept: JSONObject = [:]
                for (deviceID, value) in devices.prefix(mostDevices) {
                    guard var device = keys(value, user: user, deviceID: deviceID) else { continue }
                    var unsigned: JSONObject = [:]
                    if let name = displayName(value["unsigned"]?["device_display_name"]) {
                        unsigned["device_display_name"] = .string(name)
                    }
                    device["unsigned"] = .object(unsigned)
                    kept[deviceID] = .object(device)
                }
                answer.devices[name] = .object(kept)
            }
            if let key = signingKey(object["master_keys"]?[name], user: user, usage: "master") {
                answer.masterKeys[name] = .object(key)
                if let key = signingKey(object["self_signing_keys"]?[name], user: user, usage: "self_signing") {
                    answer.selfSigningKeys[name] = .object(key)
                }
            }
        }
        return answer
    }
}
