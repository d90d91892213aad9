internal import CanonicalJSON
internal import MatrixEvents
internal import MatrixIdentifiers
internal import RoomVersions

/// The rules for `m.room.create`, which look at no state.
enum CreateRules {
    static func check(_ pdu: PDU, version: RoomVersion) throws(AuthRejection) {
        let numbers = AuthRuleNumbers(version: version)
        // "If it has any `prev_events`, reject."
        guard pdu.prevEvents.isEmpty else {
            throw AuthRejection(rule: numbers.create("1"), reason: "a create event must not have prev_events")
        }
        if version.roomIDIsCreateHash {
            // v12: "If the event has a `room_id`, reject."
            guard pdu.roomID == nil else {
                throw AuthRejection(rule: numbers.create("2"), reason: "a create event must not have a room_id")
            }
        } else {
            // "If the domain of the `room_id` does not match the domain of the `sender`, reject."
            guard let domain = pdu.roomID?.serverName, pdu.sender.isOn(domain) else {
                throw AuthRejection(rule: numbers.create("2"), reason: "the room_id is not of the sender's server")
            }
        }
        // "If `content.room_version` is present and is not a recognised version, reject."
        if let named = pdu.content["room_version"] {
            guard let string = named.stringValue, RoomVersion.named(string) != nil else {
                throw AuthRejection(rule: numbers.create("3"), reason: "the room version is not known")
            }
        }
        // v1 to v10: "If `content` has no `creator` property, reject."
        if !version.createWithoutCreator, !pdu.content.contains("creator") {
            throw AuthRejection(rule: numbers.create("4"), reason: "the create event names no creator")
        }
        // v12: "If `additional_creators` is present in `content` and is not an array of strings where each string passes
        // the same user ID validation applied to `sender`, reject."
        if version.privilegedCreators, let additional = pdu.content["additional_creators"] {
            let areUserIDs = additional.arrayValue?.allSatisfy { $0.stringValue.flatMap { UserID($0) } != nil }
            guard areUserIDs == true else {
                throw AuthRejection(rule: numbers.create("4"), reason: "additional_creators is not a list of user IDs")
            }
        }
        // "Otherwise, allow."
    }
}
