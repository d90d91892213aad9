package import CanonicalJSON

/// The filter of `/sync`, as `POST /user/{userId}/filter` stores it.
package struct SyncFilter: Sendable, Hashable {
    /// "`federation` will return the raw event as received over federation."
    package enum EventFormat: String, Sendable, Hashable {
        case client
        case federation
    }

    package var accountData = EventFilter()
    package var presence = EventFilter()
    /// Whole rooms to include or exclude, "applied before the filters in `ephemeral`, `state`, `timeline` or `account_data`".
    package var rooms = EventFilter()
    package var includeLeave = false
    package var roomAccountData = EventFilter()
    package var ephemeral = EventFilter()
    package var state = EventFilter()
    package var timeline = EventFilter()
    package var eventFormat = EventFormat.client
    /// The paths to keep of each event; nil keeps all.
    package var eventFields: [EventFieldPath]?

    /// Lets everything through.
    package init() {}

    /// Reads and judges a filter; members that the specification does not know are ignored.
    package init(json: JSONValue) throws(QueryRefusal) {
        let reader = try FilterReader(json, path: "filter")
        if let member = try reader.member("account_data") { accountData = try EventFilter(member) }
        if let member = try reader.member("presence") { presence = try EventFilter(member) }
        if let value = reader.object["event_format"] {
            guard let name = value.stringValue, let format = EventFormat(rawValue: name) else {
                throw .badJSON("filter.event_format must be client or federation.")
            }
            eventFormat = format
        }
        eventFields = try reader.strings("event_fields")?.map(EventFieldPath.init)
        guard let room = try reader.member("room") else { return }
        rooms.rooms = try room.identifiers("rooms", sigil: "!")
        rooms.notRooms = try room.identifiers("not_rooms", sigil: "!") ?? []
        includeLeave = try room.flag("include_leave") ?? false
        if let member = try room.member("account_data") { roomAccountData = try EventFilter(member) }
        if let member = try room.member("ephemeral") { ephemeral = try EventFilter(member) }
        if let member = try room.member("state") { state = try EventFilter(member) }
        if let member = try room.member("timeline") { timeline = try EventFilter(member) }
    }

    /// Lazy loading as asked in the `state` filter; in `timeline` it is accepted too, as clients put it there.
    var lazyLoadMembers: Bool { state.lazyLoadMembers || timeline.lazyLoadMembers }
    var includeRedundantMembers: Bool { state.includeRedundantMembers || timeline.includeRedundantMembers }
    var unreadThreadNotifications: Bool { timeline.unreadThreadNotifications }
}
