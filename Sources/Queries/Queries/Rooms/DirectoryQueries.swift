import CanonicalJSON
import EventLog
import KeyValueStore
package import MatrixIdentifiers
package import ReadModel

/// Aliases and the directory of published rooms.
package struct DirectoryQueries: Sendable {
    package let views: Views

    package init(views: Views) {
        self.views = views
    }

    // MARK: Aliases

    package func alias(_ alias: RoomAlias) throws -> (room: RoomID, creator: String)? {
        try views.snapshot { snapshot in
            let value = try snapshot.get(snapshot.tables.directoryAliases, ViewKeys.text(alias.rawValue))
            guard let row = try value.map({ try AliasRow(reading: $0) }) else { return nil }
            return (try snapshot.roomID(row.room), row.creator)
        }
    }

    package func aliases(of room: RoomID) throws -> [RoomAlias] {
        try views.snapshot { snapshot in
            guard let room = try snapshot.number(of: room) else { return [] }
            var aliases: [RoomAlias] = []
            try snapshot.forEach(snapshot.tables.directoryByRoom, prefix: ViewKeys.room(room)) { key, _ in
                let text = String(decoding: UnsafeRawBufferPointer(rebasing: key[4...]), as: UTF8.self)
                if let alias = RoomAlias(text) { aliases.append(alias) }
                return true
            }
            return aliases
        }
    }

    package func isPublished(_ room: RoomID) throws -> Bool {
        try views.snapshot { snapshot in
            guard let room = try snapshot.number(of: room) else { return false }
            return try snapshot.contains(snapshot.tables.directoryPublished, ViewKeys.room(room))
        }
    }

    // MARK: GET and POST /publicRooms

    /// A page of the directory: largest rooms first, then by number.
    package func publicRooms(_ request: PublicRoomsRequest) throws -> [UInt8] {
        try views.snapshot { snapshot in
            let describer = try RoomDescriber(snapshot)
            var found: [Place] = []
            var descriptions: [RoomNum: RoomDescription] = [:]
            try snapshot.forEach(snapshot.tables.directoryPublished) { key, value in
                let room = try PublishedRow(key: key, value: value).room
                guard let head = try snapshot.head(of: room) else { return true }
                if request.isFiltered {
                    let description = try describer.describe(room, head)
                    guard request.accepts(description) else { return true }
                    descriptions[room] = description
                }
                found.append(Place(joined: head.joinedCount, room: room))
                return true
            }
            found.sort()
            let page = try Page(of: found, request)
            var writer = JSONWriter(capacity: 512 + page.range.count * 384)
            writer.beginObject()
            writer.key("chunk")
            writer.beginArray()
            for place in found[page.range] {
                guard let head = try snapshot.head(of: place.room) else { continue }
                try (descriptions[place.room] ?? describer.describe(place.room, head)).append(to: &writer)
            }
            writer.endArray()
            writer.field("next_batch", ifPresent: page.next)
            writer.field("prev_batch", ifPresent: page.previous)
            writer.field("total_room_count_estimate", found.count)
            writer.endObject()
            return writer.bytes
        }
    }

    /// Where a room stands in the order of the directory.
    private struct Place: Comparable {
        let joined: UInt64
        let room: RoomNum

        static func < (left: Place, right: Place) -> Bool {
            left.joined == right.joined ? left.room < right.room : left.joined > right.joined
        }
    }

    /// "The direction of pagination is specified solely by which token is supplied": `n` goes on behind a place, `p` before it.
    private struct Page {
        let range: Range<Int>
        let next: String?
        let previous: String?

        init(of places: [Place], _ request: PublicRoomsRequest) throws {
            let limit = max(1, min(request.limit ?? 100, 500))
            var start = 0
            var end = min(limit, places.count)
            if let token = request.since {
                let parts = token.dropFirst().split(separator: "_")
                guard parts.count == 2, let joined = UInt64(parts[0]), let room = UInt32(parts[1]) else {
                    throw QueryRefusal.invalid("since is not a token of this directory.")
                }
                let place = Place(joined: joined, room: RoomNum(rawValue: room))
                switch token.first {
                case "n":
                    start = places.firstIndex { $0 > place } ?? places.count
                    end = min(start + limit, places.count)
                case "p":
                    end = places.firstIndex { $0 >= place } ?? places.count
                    start = max(0, end - limit)
                default: throw QueryRefusal.invalid("since is not a token of this directory.")
                }
            }
            range = start..<max(start, end)
            next = end < places.count && end > 0 ? Self.token("n", places[end - 1]) : nil
            previous = start > 0 && start < places.count ? Self.token("p", places[start]) : nil
        }

        private static func token(_ direction: String, _ place: Place) -> String {
            "\(direction)\(place.joined)_\(place.room.rawValue)"
        }
    }
}

/// What `/publicRooms` was asked for.
package struct PublicRoomsRequest: Sendable, Hashable {
    package var limit: Int?
    package var since: String?
    package var searchTerm: String?
    /// "To include rooms without a room type, specify `null` within this list."
    package var roomTypes: [String?]?

    package init(limit: Int? = nil, since: String? = nil, searchTerm: String? = nil, roomTypes: [String?]? = nil) {
        self.limit = limit
        self.since = since
        self.searchTerm = searchTerm.flatMap { $0.isEmpty ? nil : $0 }
        self.roomTypes = roomTypes
    }

    var isFiltered: Bool { searchTerm != nil || roomTypes != nil }

    func accepts(_ description: RoomDescription) -> Bool {
        if let roomTypes, !roomTypes.contains(description.roomType) { return false }
        guard let term = searchTerm?.lowercased() else { return true }
        let texts = [description.name, description.topic, description.canonicalAlias, description.roomID]
        return texts.contains { $0?.lowercased().contains(term) == true }
    }
}
