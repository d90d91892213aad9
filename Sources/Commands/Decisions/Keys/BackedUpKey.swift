package import CanonicalJSON

/// The key of one session as a client backs it up, checked.
package struct BackedUpKey: Sendable {
    package let object: JSONObject
    private let firstMessageIndex: Int64
    private let forwardedCount: Int64
    private let isVerified: Bool

    package init(_ value: JSONValue) throws(Rejection) {
        guard let object = value.objectValue else { throw Rejection.badJSON("Key data must be an object.") }
        self.object = object
        firstMessageIndex = try Self.number(object, "first_message_index")
        forwardedCount = try Self.number(object, "forwarded_count")
        guard let verified = object["is_verified"] else { throw Rejection.missingParam("is_verified is missing.") }
        guard let isVerified = verified.boolValue else { throw Rejection.badJSON("is_verified must be true or false.") }
        self.isVerified = isVerified
        guard let data = object["session_data"] else { throw Rejection.missingParam("session_data is missing.") }
        guard data.objectValue != nil else { throw Rejection.badJSON("session_data must be an object.") }
        guard object.canonicalBytes().count <= 1 << 20 else { throw Rejection.tooLarge("The key data is too large.") }
    }

    private static func number(_ object: JSONObject, _ name: String) throws(Rejection) -> Int64 {
        guard let value = object[name] else { throw Rejection.missingParam("\(name) is missing.") }
        guard let number = value.integerValue, number >= 0 else {
            throw Rejection.badJSON("\(name) must be an integer that is not negative.")
        }
        return number
    }

    /// Whether it takes the place of a key that is there.
    package func replaces(_ old: BackedUpKey) -> Bool {
        // "if the keys have different values for `is_verified`, then it will keep the key that has `is_verified` set to
        // `true`; if they have the same values for `is_verified`, then it will keep the key with a lower
        // `first_message_index`; and finally, if `is_verified` and `first_message_index` are equal, then it will keep the
        // key with a lower `forwarded_count`."
        if isVerified != old.isVerified { return isVerified }
        if firstMessageIndex != old.firstMessageIndex { return firstMessageIndex < old.firstMessageIndex }
        return forwardedCount < old.forwardedCount
    }
}
