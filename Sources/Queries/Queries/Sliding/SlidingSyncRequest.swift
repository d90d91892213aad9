package import CanonicalJSON

/// What a client asks of a sliding sync. Reading it needs nothing but the body and the user's ID.
package struct SlidingSyncRequest: Sendable {
    /// A window on the user's rooms, newest activity first.
    package struct List: Sendable, Hashable {
        package let name: String
        /// Inclusive; nil for the whole list.
        package let ranges: [ClosedRange<Int>]?
        let filter: SlidingRoomFilter
        let config: SlidingRoomConfig
    }

    package struct Subscription: Sendable, Hashable {
        package let roomID: String
        let config: SlidingRoomConfig
    }

    /// "Only one sliding sync connection is allowed per given `conn_id` (empty or not)."
    package private(set) var connectionID = ""
    /// Nil in the first request of a connection.
    package private(set) var pos: String?
    package private(set) var timeoutMs: Int64 = 0
    package private(set) var setPresence: String?
    /// In the order of their names.
    package private(set) var lists: [List] = []
    package private(set) var subscriptions: [Subscription] = []
    package private(set) var extensions = SlidingExtensions()

    /// "Max lists: 100. If a request contains more than this the server will respond with a 400 error".
    package static let mostLists = 100
    /// "Max subscriptions: 100."
    package static let mostSubscriptions = 100
    package static let mostRanges = 100
    /// What all `required_state` of one request may have together.
    package static let mostElements = 4096

    /// Up to where the client says that it has the messages to its device; nil when it does not say.
    package var acknowledgedToDevice: SyncToken? {
        get throws(QueryRefusal) {
            guard let since = extensions.toDevice?.since else { return nil }
            let token = try SyncToken(parsing: since)
            return SyncToken(epoch: token.epoch, position: token.position)
        }
    }

    /// Reads a request.
    ///
    /// - Parameters:
    ///   - me: the user's ID, which `$ME` stands for.
    ///   - query: looks up a parameter of the URL, where `pos`, `timeout` and `set_presence` stood before the proposal was
    ///     merged.
    package init(
        _ body: JSONObject, me: String, query: (String) -> String? = { _ in nil }
    ) throws(QueryRefusal) {
        let reader = SlidingReader(body, path: "")
        connectionID = try reader.string("conn_id") ?? query("conn_id") ?? ""
        guard connectionID.utf8.count <= SlidingReader.longestString else { throw .invalid("conn_id is too long.") }
        pos = try reader.string("pos") ?? query("pos")
        if pos?.isEmpty == true { pos = nil }
        setPresence = try reader.string("set_presence") ?? query("set_presence")
        if let timeout = try reader.count("timeout") {
            timeoutMs = Int64(timeout)
        } else if let text = query("timeout"), !text.isEmpty {
            guard let timeout = Int64(text), timeout >= 0 else {
                throw .invalid("timeout must be an integer that is not negative.")
            }
            timeoutMs = timeout
        }
        for (name, own) in try reader.members("lists", atMost: Self.mostLists) {
            lists.append(try Self.list(name, own, me: me))
        }
        for (roomID, own) in try reader.members("room_subscriptions", atMost: Self.mostSubscriptions) {
            subscriptions.append(Subscription(roomID: roomID, config: try SlidingRoomConfig(own, me: me)))
        }
        if let own = try reader.member("extensions") { extensions = try SlidingExtensions(own) }
        let configs = lists.map(\.config) + subscriptions.map(\.config)
        guard configs.reduce(0, { $0 + $1.weight }) <= Self.mostElements else {
            throw .invalid("All required_state together may have at most \(Self.mostElements) elements.")
        }
    }

    private static func list(_ name: String, _ reader: SlidingReader, me: String) throws(QueryRefusal) -> List {
        guard (1...SlidingReader.longestString).contains(name.utf8.count) else {
            throw .invalid("The name of a list must have 1 to \(SlidingReader.longestString) bytes.")
        }
        let filter = try reader.member("filters").map { own throws(QueryRefusal) in try SlidingRoomFilter(own) }
        return List(
            name: name, ranges: try ranges(reader), filter: filter ?? SlidingRoomFilter(),
            config: try SlidingRoomConfig(reader, me: me))
    }

    /// "Integers are *inclusive*, and are 0-indexed. (This is a 2-tuple.)"
    private static func ranges(_ reader: SlidingReader) throws(QueryRefusal) -> [ClosedRange<Int>]? {
        if let pair = reader.value("range") { return [try range(pair, reader)] }
        guard let pairs = try reader.array("ranges", atMost: mostRanges) else { return nil }
        var ranges: [ClosedRange<Int>] = []
        for pair in pairs { ranges.append(try range(pair, reader)) }
        return ranges
    }

    private static func range(_ value: JSONValue, _ reader: SlidingReader) throws(QueryRefusal) -> ClosedRange<Int> {
        guard let pair = value.arrayValue, pair.count == 2, let from = pair[0].integerValue,
            let to = pair[1].integerValue
        else { throw .badJSON("A range of \(reader.path) must be an array of two integers.") }
        guard from >= 0, to >= from else { throw .invalid("A range of \(reader.path) must not end before it begins.") }
        return Int(clamping: from)...Int(clamping: to)
    }
}
