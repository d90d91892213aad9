internal import CanonicalJSON
internal import FederationCommands
internal import LogEvents
internal import MatrixEvents
internal import MatrixIdentifiers
internal import Queries

/// An answer of another server about its users' devices, and the same as an EDU.
enum RemoteDevicesTarget {
    @Sendable static func defect(_ input: [UInt8]) -> String? {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue.parse(input, limits: .federationBody)
        } catch {
            return nil
        }
        if let edu = EDU(value), let kept = edu.keepingRooms(where: { _ in false }) {
            if edu.type == "m.typing" || edu.type == "m.receipt" { return "a room that is denied is heard of" }
            if EDU(.object(kept.object))?.content != kept.content { return "an EDU is not what it is written as" }
        }
        guard let object = value.objectValue, let user = UserID("@bob:b.org") else { return nil }
        if let list = RemoteDeviceReading.list(object, of: user) {
            if list.userID != user.rawValue { return "a list is of somebody else" }
            if list.devices.contains(where: { isForeign($0.keys, user, $0.deviceID) }) { return "foreign keys" }
            do throws(PayloadError) {
                if try RemoteDevicesLearned(payload: list.payload()).payload() != list.payload() {
                    return "a list is not what is recorded of it"
                }
            } catch {
                return "a recorded list cannot be read"
            }
        }
        let answer = RemoteDeviceReading.answer(object, about: [.init(user: user, deviceIDs: [])])
        for (name, devices) in answer.devices {
            if name != user.rawValue { return "an answer is about somebody else" }
            for (deviceID, keys) in devices.objectValue ?? [:] where isForeign(keys.objectValue, user, deviceID) {
                return "foreign keys"
            }
        }
        if answer.masterKeys.isEmpty, !answer.selfSigningKeys.isEmpty { return "a key that nobody signs" }
        return nil
    }

    private static func isForeign(_ keys: JSONObject?, _ user: UserID, _ deviceID: String) -> Bool {
        guard let keys else { return false }
        return keys["user_id"] != .string(user.rawValue) || keys["device_id"] != .string(deviceID)
    }
}
