import CanonicalJSON

/// The `filters` of a list.
package struct SlidingRoomFilter: Sendable, Hashable {
    var isDM: Bool?
    var spaces: [String]?
    var isEncrypted: Bool?
    var isInvited: Bool?
    var roomTypes: [String?]?
    var notRoomTypes: [String?] = []
    var tags: [String]?
    var notTags: [String] = []
    /// Lower case.
    var nameLike: String?

    init() {}

    init(_ reader: SlidingReader) throws(QueryRefusal) {
        isDM = try reader.flag("is_dm")
        spaces = try reader.strings("spaces")
        isEncrypted = try reader.flag("is_encrypted")
        let invite = try reader.flag("is_invite")
        isInvited = try reader.flag("is_invited") ?? invite
        roomTypes = try reader.optionalStrings("room_types")
        notRoomTypes = try reader.optionalStrings("not_room_types") ?? []
        tags = try reader.strings("tags")
        notTags = try reader.strings("not_tags") ?? []
        // What some clients ask for instead of the tags.
        for (name, tag) in [("is_favourite", "m.favourite"), ("is_low_priority", "m.lowpriority")] {
            switch try reader.flag(name) {
            case true?: tags = (tags ?? []) + [tag]
            case false?: notTags.append(tag)
            case nil: break
            }
        }
        if let like = try reader.string("room_name_like") {
            guard like.utf8.count <= SlidingReader.longestString else {
                throw .invalid("\(reader.path).room_name_like is too long.")
            }
            nameLike = like.isEmpty ? nil : like.lowercased()
        }
    }

    var isEmpty: Bool { self == SlidingRoomFilter() }
}
