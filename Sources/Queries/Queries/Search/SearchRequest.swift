package import CanonicalJSON
import SearchIndex

/// The `room_events` of a search.
package struct SearchRequest: Sendable {
    enum Order: String, Sendable {
        case rank
        case recent
    }

    enum Grouping: String, Sendable {
        case room = "room_id"
        case sender
    }

    /// What is asked for around each result.
    struct Context: Sendable {
        var before = 5
        var after = 5
        var includesProfile = false
    }

    let term: String
    var keys = Set(SearchExpression.Key.allCases)
    let filter: EventFilter
    var order = Order.rank
    var context: Context?
    let includesState: Bool
    var groupings: [Grouping] = []
    let from: SearchToken?

    /// "By default, this is 10" of other filters; more than this are too many events for one answer.
    var limit: Int { min(filter.limit ?? 10, Self.mostResults) }

    private static let mostResults = 200
    private static let mostContext = 50

    /// Reads a request; nil when it asks for no category that there is.
    package init?(body: JSONObject, nextBatch: String?) throws(QueryRefusal) {
        guard body["search_categories"]?.isNull == false else {
            throw QueryRefusal(400, "M_MISSING_PARAM", "search_categories is missing.")
        }
        let reader = try FilterReader(.object(body), path: "body")
        guard let categories = try reader.member("search_categories"), let room = try categories.member("room_events")
        else { return nil }
        guard let value = room.object["search_term"], !value.isNull else {
            throw QueryRefusal(400, "M_MISSING_PARAM", "room_events.search_term is missing.")
        }
        guard let term = value.stringValue else { throw .badJSON("room_events.search_term must be a string.") }
        self.term = term
        if let names = try room.strings("keys") {
            keys = []
            for name in names {
                guard name.hasPrefix("content."), let key = SearchExpression.Key(rawValue: String(name.dropFirst(8)))
                else { throw .invalid("room_events.keys may have content.body, content.name and content.topic.") }
                keys.insert(key)
            }
        }
        filter = try EventFilter(json: room.object["filter"] ?? [:], path: "room_events.filter")
        if let name = try room.choice("order_by") {
            guard let known = Order(rawValue: name) else {
                throw .invalid("room_events.order_by must be rank or recent.")
            }
            order = known
        }
        if let member = try room.member("event_context") {
            var context = Context()
            context.before = min(try member.count("before_limit") ?? context.before, Self.mostContext)
            context.after = min(try member.count("after_limit") ?? context.after, Self.mostContext)
            context.includesProfile = try member.flag("include_profile") ?? false
            self.context = context
        }
        includesState = try room.flag("include_state") ?? false
        groupings = try Self.groupings(room)
        if let nextBatch { from = try SearchToken(parsing: nextBatch) } else { from = nil }
    }

    private static func groupings(_ room: FilterReader) throws(QueryRefusal) -> [Grouping] {
        guard let value = try room.member("groupings")?.object["group_by"] else { return [] }
        guard let entries = value.arrayValue else { throw .badJSON("groupings.group_by must be an array of objects.") }
        var found: [Grouping] = []
        for entry in entries {
            guard let key = entry["key"]?.stringValue else {
                throw .badJSON("groupings.group_by must be an array of objects with a key.")
            }
            guard let grouping = Grouping(rawValue: key) else {
                throw .invalid("Results can be grouped by room_id and by sender.")
            }
            if !found.contains(grouping) { found.append(grouping) }
        }
        return found
    }

    /// Where the request's keys and the filter's types meet.
    var wantedKeys: Set<SearchExpression.Key> {
        keys.filter { key in
            let type = key == .body ? "m.room.message" : "m.room.\(key.rawValue)"
            return Array(type.utf8).withUnsafeBytes { filter.allows(type: $0) }
        }
    }
}

extension FilterReader {
    fileprivate func choice(_ name: String) throws(QueryRefusal) -> String? {
        guard let value = object[name], !value.isNull else { return nil }
        guard let text = value.stringValue else { throw .badJSON("\(path).\(name) must be a string.") }
        return text
    }

    fileprivate func count(_ name: String) throws(QueryRefusal) -> Int? {
        guard let value = object[name] else { return nil }
        guard let number = value.integerValue, number >= 0 else {
            throw .badJSON("\(path).\(name) must be an integer that is not negative.")
        }
        return Int(clamping: number)
    }
}
