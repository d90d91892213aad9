package import CanonicalJSON
package import EventLog

/// A user changed one of their push rules. The change is kept, not its result: folding all changes of a user over the default
/// rules gives the rules at any time.
package struct PushRuleChanged: LogEvent, Hashable {
    package static let kind = RecordKind.pushRuleChanged

    package var userID: String
    /// `PushRuleChange.json`.
    package var change: JSONObject

    package init(userID: String, change: JSONObject) {
        self.userID = userID
        self.change = change
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "PushRuleChanged")
        userID = try json.string("user_id")
        change = try json.member("change")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "PushRuleChanged")
        json.set("user_id", userID)
        json.set("change", json: .object(change))
        return json.object.canonicalBytes()
    }
}

extension JSONPayload {
    func member(_ name: String) throws(PayloadError) -> JSONObject {
        guard let value = object[name]?.objectValue else {
            throw PayloadError(kind: kind, reason: "lacks the object \(name)")
        }
        return value
    }
}
