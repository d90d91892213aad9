internal import CanonicalJSON
internal import MatrixEvents
internal import MatrixIdentifiers
internal import RoomVersions

/// Any JSON object as the content of `m.room.power_levels`; the first byte chooses the room version.
enum PowerLevelsTarget {
    @Sendable static func defect(_ input: [UInt8]) -> String? {
        let (version, text) = PDUTarget.split(input)
        let content: JSONObject
        do throws(JSONError) {
            guard let parsed = try JSONObject.parse(text, limits: .historicalPDU) else { return nil }
            content = parsed
        } catch {
            return nil
        }
        let levels = PowerLevels(content: content, create: nil, version: version)
        for (key, value) in content["users"]?.objectValue ?? JSONObject() {
            let level = PowerLevelValue.parse(value, version: version)
            if version.integerPowerLevelsOnly, level != nil, value.integerValue == nil { return "a level that is none" }
            guard let user = UserID(key) else { continue }
            if levels.level(of: user) != level ?? levels.usersDefault { return "\(key) has another level" }
        }
        for (key, value) in content["events"]?.objectValue ?? JSONObject() {
            let expected = PowerLevelValue.parse(value, version: version)
            if levels.required(forType: key, isState: true) != expected ?? levels.stateDefault {
                return "\(key) is wrong"
            }
            if levels.required(forType: key, isState: false) != expected ?? levels.eventsDefault {
                return "\(key) is off"
            }
        }
        for (key, value) in content["notifications"]?.objectValue ?? JSONObject() {
            let expected = PowerLevelValue.parse(value, version: version) ?? 50
            if levels.required(forNotification: key) != expected { return "notification \(key) is wrong" }
        }
        return nil
    }
}
