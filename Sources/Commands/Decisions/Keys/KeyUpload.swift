package import CanonicalJSON
package import LogEvents

/// The body of `/keys/upload`, checked.
package struct KeyUpload: Sendable {
    /// The identity keys without `unsigned`; nil when they stay.
    package let deviceKeys: JSONObject?
    package let oneTimeKeys: JSONObject
    package let fallbackKeys: JSONObject

    /// The most unclaimed keys that a device may have on the server.
    package static let mostOneTimeKeys = 5000
    private static let longestName = 255
    private static let largestKey = 16_384

    package init(body: JSONObject, userID: String, deviceID: String) throws(Rejection) {
        deviceKeys = try Self.deviceKeys(body["device_keys"], userID: userID, deviceID: deviceID)
        oneTimeKeys = try Self.keys(body, "one_time_keys")
        let fallback = try Self.keys(body, "fallback_keys")
        // Older clients know them by the name they had as a proposal.
        fallbackKeys = fallback.isEmpty ? try Self.keys(body, "org.matrix.msc2732.fallback_keys") : fallback
        // "There can only be at most one key per algorithm uploaded"
        var algorithms: Set<String> = []
        for name in fallbackKeys.keys where !algorithms.insert(OneTimeKeyName.algorithm(of: name) ?? "").inserted {
            throw Rejection.invalidParam("There can be one fallback key of each algorithm.")
        }
        guard algorithms.count <= 16 else { throw Rejection.invalidParam("These are too many fallback keys.") }
    }

    private static func object(_ value: JSONValue?, _ name: String) throws(Rejection) -> JSONObject? {
        guard let value, !value.isNull else { return nil }
        guard let object = value.objectValue else { throw Rejection.badJSON("\(name) must be an object.") }
        return object
    }

    private static func deviceKeys(
        _ value: JSONValue?, userID: String, deviceID: String
    ) throws(Rejection) -> JSONObject? {
        guard var object = try object(value, "device_keys") else { return nil }
        for (name, own) in [("user_id", userID), ("device_id", deviceID)] {
            guard let value = object[name] else { throw Rejection.missingParam("device_keys.\(name) is missing.") }
            guard let text = value.stringValue else { throw Rejection.badJSON("\(name) must be a string.") }
            // "Must match the user ID used when logging in", "Must match the device ID used when logging in."
            guard text.utf8.elementsEqual(own.utf8) else {
                throw Rejection.invalidParam("device_keys.\(name) is not that of the access token.")
            }
        }
        // "Required: The encryption algorithms […] Public identity keys. […] Signatures for the device key object."
        for name in ["algorithms", "keys", "signatures"] where object[name]?.isNull ?? true {
            throw Rejection.badJSON("device_keys.\(name) is missing.")
        }
        if let algorithms = object["algorithms"],
            algorithms.arrayValue?.allSatisfy({ $0.stringValue != nil }) != true
        {
            throw Rejection.badJSON("device_keys.algorithms must be an array of strings.")
        }
        if let keys = object["keys"], keys.objectValue?.values.allSatisfy({ $0.stringValue != nil }) != true {
            throw Rejection.badJSON("device_keys.keys must be an object of strings.")
        }
        try checkSignatures(object["signatures"])
        object["unsigned"] = nil
        guard object.hasOnlyCanonicalNumbers else { throw Rejection.badJSON("device_keys must be canonical JSON.") }
        guard object.canonicalBytes().count <= 65_536 else { throw Rejection.tooLarge("device_keys is too large.") }
        return object
    }

    /// About how many bytes a value takes up.
    private static func size(of value: JSONValue) -> Int {
        switch value {
        case .null, .bool, .integer, .double: 8
        case .string(let text): text.utf8.count
        case .array(let elements): elements.reduce(2) { $0 + size(of: $1) }
        case .object(let object): object.reduce(2) { $0 + $1.key.utf8.count + size(of: $1.value) }
        }
    }

    static func checkSignatures(_ value: JSONValue?) throws(Rejection) {
        guard let value else { return }
        let isRight = value.objectValue?.values.allSatisfy { entry in
            entry.objectValue?.values.allSatisfy { $0.stringValue != nil } == true
        }
        guard isRight == true else { throw Rejection.badJSON("signatures must be an object of objects of strings.") }
    }

    private static func keys(_ body: JSONObject, _ member: String) throws(Rejection) -> JSONObject {
        let keys = try object(body[member], member) ?? [:]
        guard keys.count <= mostOneTimeKeys else { throw Rejection.tooLarge("\(member) has too many keys.") }
        for (name, value) in keys {
            guard name.utf8.count <= longestName, OneTimeKeyName.algorithm(of: name) != nil else {
                throw Rejection.invalidParam("\(member): names must be of the form <algorithm>:<key_id>.")
            }
            if let object = value.objectValue {
                guard object["key"]?.stringValue != nil else {
                    throw Rejection.badJSON("\(member): a key object must have the string key.")
                }
                try checkSignatures(object["signatures"])
            } else if value.stringValue == nil {
                throw Rejection.badJSON("\(member): a key must be a string or an object.")
            }
            guard value.hasOnlyCanonicalNumbers, size(of: value) <= largestKey else {
                throw Rejection.badJSON("\(member): a key is too large or has a number that cannot be signed.")
            }
        }
        return keys
    }
}

extension KeyUpload {
    /// What the server has of the device.
    package struct Present: Sendable {
        package var deviceKeys: JSONObject?
        /// By name, those of the upload.
        package var oneTimeKeys: [String: JSONValue] = [:]
        /// Names of the upload whose keys were given away before.
        package var spent: Set<String> = []
        package var fallbackKeys: JSONObject = [:]
        package var oneTimeKeyCount = 0

        package init() {}
    }

    /// What of the upload is new; nil when nothing is.
    ///
    /// - Throws: a rejection when a one-time key comes again with another value.
    package func decide(_ present: Present, userID: String, deviceID: String) throws(Rejection) -> DeviceKeysUploaded? {
        var fact = DeviceKeysUploaded(userID: userID, deviceID: deviceID)
        var replacesIdentity = false
        if let deviceKeys {
            let old = present.deviceKeys ?? [:]
            replacesIdentity = present.deviceKeys != nil && old["keys"] != deviceKeys["keys"]
            if KeySignatures.merged(deviceKeys, keepingThoseOf: old) != old { fact.deviceKeys = deviceKeys }
        }
        for (name, value) in oneTimeKeys {
            if !replacesIdentity, let old = present.oneTimeKeys[name] {
                guard Self.isSameKey(old, value) else {
                    throw Rejection(
                        400, "M_UNKNOWN", "One time key \(name) already exists. Old key: \(old); new key: \(value)")
                }
                continue
            }
            // A repeated upload whose answer was lost must not bring back what was given away meanwhile.
            if !present.spent.contains(name) { fact.oneTimeKeys[name] = value }
        }
        let before = replacesIdentity ? 0 : present.oneTimeKeyCount
        guard before + fact.oneTimeKeys.count <= Self.mostOneTimeKeys else {
            throw Rejection.invalidParam("The device has too many one-time keys that nobody has claimed.")
        }
        fact.fallbackKeys = fallbackKeys.filter { name, value in
            replacesIdentity || present.fallbackKeys[name] != value
        }
        let isNews = fact.deviceKeys != nil || !fact.oneTimeKeys.isEmpty || !fact.fallbackKeys.isEmpty
        return isNews ? fact : nil
    }

    /// A key signed again is the same key.
    private static func isSameKey(_ one: JSONValue, _ other: JSONValue) -> Bool {
        guard var one = one.objectValue, var other = other.objectValue else { return one == other }
        one["signatures"] = nil
        other["signatures"] = nil
        return one == other
    }
}
