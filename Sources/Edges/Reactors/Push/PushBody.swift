import CanonicalJSON
import Queries
import ReadModel

/// The body of a `POST /_matrix/push/v1/notify`.
struct PushBody {
    let pusher: ActivePusher

    /// About an event.
    func event(_ event: PushNotification, includesContent: Bool) -> [UInt8] {
        var notification: JSONObject = [
            "event_id": .string(event.eventID), "room_id": .string(event.roomID),
            "prio": .string(event.isUrgent ? "high" : "low"), "counts": ["unread": .integer(Int64(event.unread))],
        ]
        // "when the homeserver is performing a push where the `format` is `event_id_only`, only the `event_id`, `room_id`,
        // `counts`, and `devices` are required to be populated."
        if pusher.isEventIDOnly {
            notification["devices"] = [device(tweaks: nil)]
            return Self.whole(notification)
        }
        notification["devices"] = [device(tweaks: event.tweaks)]
        // Older gateways look for it.
        notification["id"] = .string(event.eventID)
        notification["type"] = .string(event.type)
        notification["sender"] = .string(event.sender)
        if let name = event.senderDisplayName { notification["sender_display_name"] = .string(name) }
        if let name = event.roomName { notification["room_name"] = .string(name) }
        if let alias = event.roomAlias { notification["room_alias"] = .string(alias) }
        if let membership = event.membership { notification["membership"] = .string(membership) }
        if let isTarget = event.userIsTarget { notification["user_is_target"] = .bool(isTarget) }
        if includesContent { notification["content"] = .object(event.content) }
        return Self.whole(notification)
    }

    /// "The counts may be sent along with a notification about an event or by themselves."
    func badge(unread: Int) -> [UInt8] {
        Self.whole(["counts": ["unread": .integer(Int64(unread))], "devices": [device(tweaks: nil)]])
    }

    private func device(tweaks: JSONObject?) -> JSONValue {
        var device: JSONObject = [
            "app_id": .string(pusher.row.appID), "pushkey": .string(pusher.row.pushKey),
            "pushkey_ts": .integer(pusher.row.changedMs / 1000), "data": .object(pusher.data),
        ]
        if let tweaks { device["tweaks"] = .object(tweaks) }
        return .object(device)
    }

    private static func whole(_ notification: JSONObject) -> [UInt8] {
        JSONObject([("notification", .object(notification))]).canonicalBytes()
    }

    /// Whether a gateway's answer gives the push key up.
    ///
    /// "A list of all pushkeys given in the notification request that are not valid."
    static func rejects(_ answer: [UInt8], pushKey: String) -> Bool {
        let object: JSONObject?
        do throws(JSONError) {
            object = try JSONObject.parse(answer)
        } catch {
            return false
        }
        return object?["rejected"]?.arrayValue?.contains(.string(pushKey)) ?? false
    }
}
