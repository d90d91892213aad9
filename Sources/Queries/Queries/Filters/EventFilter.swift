package import CanonicalJSON

/// An `EventFilter` or `RoomEventFilter`: which events a client wants to see.
package struct EventFilter: Sendable, Hashable {
    package var limit: Int?
    var types: [TypePattern]?
    var notTypes: [TypePattern] = []
    var senders: [[UInt8]]?
    var notSenders: [[UInt8]] = []
    var rooms: [[UInt8]]?
    var notRooms: [[UInt8]] = []
    package var containsURL: Bool?
    package var lazyLoadMembers = false
    package var includeRedundantMembers = false
    package var unreadThreadNotifications = false

    /// Lets everything through.
    package init() {}

    /// Reads a filter.
    ///
    /// - Parameter path: how messages call the filter.
    package init(json: JSONValue, path: String = "filter") throws(QueryRefusal) {
        try self.init(FilterReader(json, path: path))
    }

    init(_ reader: FilterReader) throws(QueryRefusal) {
        limit = try reader.limit()
        types = try reader.strings("types")?.map(TypePattern.init)
        notTypes = try reader.strings("not_types")?.map(TypePattern.init) ?? []
        senders = try reader.identifiers("senders", sigil: "@")
        notSenders = try reader.identifiers("not_senders", sigil: "@") ?? []
        rooms = try reader.identifiers("rooms", sigil: "!")
        notRooms = try reader.identifiers("not_rooms", sigil: "!") ?? []
        containsURL = try reader.flag("contains_url")
        lazyLoadMembers = try reader.flag("lazy_load_members") ?? false
        includeRedundantMembers = try reader.flag("include_redundant_members") ?? false
        unreadThreadNotifications = try reader.flag("unread_thread_notifications") ?? false
    }

    /// Whether every event of an allowed room passes, so that none needs to be looked into.
    var allowsEveryEvent: Bool {
        types == nil && notTypes.isEmpty && senders == nil && notSenders.isEmpty && containsURL == nil
    }

    /// Whether no event can pass.
    var allowsNothing: Bool { limit == 0 || types?.isEmpty == true || senders?.isEmpty == true }

    /// "A matching room will be excluded even if it is listed in the `rooms` filter."
    func allows(room: UnsafeRawBufferPointer) -> Bool {
        if notRooms.contains(where: { room.elementsEqual($0) }) { return false }
        return rooms?.contains { room.elementsEqual($0) } ?? true
    }

    /// "A matching type will be excluded even if it is listed in the `types` filter."
    func allows(type: UnsafeRawBufferPointer) -> Bool {
        if notTypes.contains(where: { $0.matches(type) }) { return false }
        return types?.contains { $0.matches(type) } ?? true
    }

    /// "A matching sender will be excluded even if it is listed in the `senders` filter."
    func allows(sender: UnsafeRawBufferPointer) -> Bool {
        if notSenders.contains(where: { sender.elementsEqual($0) }) { return false }
        return senders?.contains { sender.elementsEqual($0) } ?? true
    }

    /// Whether an event that the server itself makes up, and that has no sender, passes.
    package func allows(typeNamed type: String) -> Bool {
        escapedText(type).withUnsafeBytes { allows(type: $0) } && senders == nil
    }

    /// Whether a stored event passes.
    func allows(_ event: ClientEventSlices) -> Bool {
        if allowsEveryEvent { return true }
        guard allows(type: event.type), allows(sender: event.sender) else { return false }
        guard let containsURL else { return true }
        return event.contentHasURL == containsURL
    }
}
