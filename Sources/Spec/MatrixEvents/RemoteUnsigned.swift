package import CanonicalJSON

/// What is taken from the `unsigned` of an event that another server sent.
///
/// It is "not covered by the `signatures`": whoever passed the event on may have written it. Everything else that clients find
/// in `unsigned` (`prev_content`, `redacted_because`, `membership`, `transaction_id`, …) this server knows better itself.
package struct RemoteUnsigned: Sendable {
    /// "The number of milliseconds that have passed since this message was sent", as the sender counts.
    package let age: Int64?
    /// The stripped state of an invitation by the first version of the endpoint.
    package let inviteRoomState: [JSONValue]
    /// The stripped state of a knock.
    package let knockRoomState: [JSONValue]

    /// Reads what an event brought along; the event itself never keeps it.
    package init(event: JSONObject) {
        let unsigned = event["unsigned"]?.objectValue
        // A negative age would put the event into the future.
        age = unsigned?["age"]?.integerValue.flatMap { $0 >= 0 ? $0 : nil }
        inviteRoomState = Self.strippedState(unsigned?["invite_room_state"])
        knockRoomState = Self.strippedState(unsigned?["knock_room_state"])
    }

    /// What this server writes into the `unsigned` of an event that it sends to another.
    package static func outgoing(originServerTS: Int64, nowMs: Int64) -> JSONObject {
        let (age, overflowed) = nowMs.subtractingReportingOverflow(originServerTS)
        return ["age": .integer(overflowed ? 0 : min(max(0, age), 9_007_199_254_740_991))]
    }

    /// Of the events only what clients may be shown: "`content`, `sender`, `state_key` and `type`".
    package static func strippedState(_ value: JSONValue?) -> [JSONValue] {
        (value?.arrayValue ?? []).compactMap { element in
            guard let event = element.objectValue, event["content"]?.objectValue != nil,
                ["sender", "state_key", "type"].allSatisfy({ event[$0]?.stringValue != nil })
            else { return nil }
            return .object(event.filter { key, _ in ["content", "sender", "state_key", "type"].contains(key) })
        }
    }
}
