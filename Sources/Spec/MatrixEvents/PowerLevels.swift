package import CanonicalJSON
package import MatrixIdentifiers
package import RoomVersions

/// The power levels in force in a room: an `m.room.power_levels` event, or its absence, over the defaults.
///
/// Reading is forgiving: a value that is no level in the room version counts as absent, so that a room whose event is
/// malformed goes on working. The authorization rules judge an event's content before it gets here.
package struct PowerLevels: Sendable {
    /// What creators have from v12 on. No event can name this level: levels there are at most 2^53 - 1.
    package static let creatorLevel = Int64.max

    package let version: RoomVersion
    /// The creators whose power is infinite (v12), or who have 100 while there is no `m.room.power_levels`.
    package let creators: RoomCreators?
    /// Whether the room has an `m.room.power_levels` event.
    package let isExplicit: Bool

    package let ban: Int64
    package let kick: Int64
    package let redact: Int64
    package let invite: Int64
    package let usersDefault: Int64
    package let eventsDefault: Int64
    package let stateDefault: Int64

    private let users: JSONObject
    private let events: JSONObject
    private let notifications: JSONObject

    /// Reads the levels from the content of the current event.
    ///
    /// - Parameters:
    ///   - content: nil when the room has no `m.room.power_levels`.
    ///   - create: the create event, which names those who rule without an entry.
    package init(content: JSONObject?, create: PDU?, version: RoomVersion) {
        self.init(
            content: content, creators: create.map { RoomCreators(create: $0, version: version) }, version: version)
    }

    /// Reads the levels from the content of the current event.
    package init(content: JSONObject?, creators: RoomCreators?, version: RoomVersion) {
        func level(_ name: String, default fallback: Int64) -> Int64 {
            content?[name].flatMap { PowerLevelValue.parse($0, version: version) } ?? fallback
        }
        self.version = version
        self.creators = creators
        isExplicit = content != nil
        // "The invite level defaults to 0 if unspecified. The kick level, ban level and redact level each default to 50
        // if unspecified."
        ban = level("ban", default: 50)
        kick = level("kick", default: 50)
        redact = level("redact", default: 50)
        invite = level("invite", default: 0)
        usersDefault = level("users_default", default: 0)
        // "If there is no `state_default` […], or there is no `m.room.power_levels` event, the `state_default` is 50. If
        // there is no `events_default` […], or there is no `m.room.power_levels` event, the `events_default` is 0."
        eventsDefault = level("events_default", default: 0)
        stateDefault = level("state_default", default: 50)
        users = content?["users"]?.objectValue ?? JSONObject()
        events = content?["events"]?.objectValue ?? JSONObject()
        notifications = content?["notifications"]?.objectValue ?? JSONObject()
    }

    /// The level of a user.
    package func level(of user: UserID) -> Int64 {
        // v12: "Room creators have infinitely high power level".
        if version.privilegedCreators, creators?.contains(user) == true { return Self.creatorLevel }
        if let own = users[user.rawValue].flatMap({ PowerLevelValue.parse($0, version: version) }) { return own }
        // "If the room contains no `m.room.power_levels` event, the room's creator has a power level of 100, and all
        // other users have a power level of 0."
        if !isExplicit, creators?.contains(user) == true { return 100 }
        return usersDefault
    }

    /// The level required to send an event of this type.
    ///
    /// "The event type is either listed explicitly in the `events` section or given by either `state_default` or
    /// `events_default` depending on if the event is a state event or not."
    package func required(forType type: String, isState: Bool) -> Int64 {
        events[type].flatMap { PowerLevelValue.parse($0, version: version) } ?? (isState ? stateDefault : eventsDefault)
    }

    /// The level required to trigger a notification such as `room`, which defaults to 50.
    package func required(forNotification name: String) -> Int64 {
        notifications[name].flatMap { PowerLevelValue.parse($0, version: version) } ?? 50
    }
}
