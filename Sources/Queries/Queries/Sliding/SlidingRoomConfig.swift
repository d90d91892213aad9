import ReadModel

/// What is sent of a room: "The "room config" has two fields: the `timeline_limit` and `required_state`."
///
/// Configs of several rules that a room matches are kept side by side and asked one after the other, so that their union
/// is exact. A class, since every room of a connection remembers the one it was sent with.
package final class SlidingRoomConfig: Sendable, Hashable {
    let timelineLimit: Int
    let parts: [RequiredState]
    let lazyMembers: Bool
    let hasWildcards: Bool
    /// Whether a wildcard may match member events, of which there may be very many.
    let mayWantManyMembers: Bool

    /// "The server may cap this number."
    package static let largestTimeline = 100

    init(timelineLimit: Int, parts: [RequiredState]) {
        self.timelineLimit = timelineLimit
        self.parts = parts
        lazyMembers = parts.contains(where: \.lazyMembers)
        hasWildcards = parts.contains(where: \.hasWildcards)
        mayWantManyMembers = parts.contains(where: \.mayWantManyMembers)
    }

    convenience init(_ reader: SlidingReader, me: String) throws(QueryRefusal) {
        guard let limit = try reader.count("timeline_limit") else {
            throw QueryRefusal(400, "M_MISSING_PARAM", "\(reader.path).timeline_limit is missing.")
        }
        self.init(timelineLimit: min(limit, Self.largestTimeline), parts: [try RequiredState(reader, me: me)])
    }

    /// "If a given room matches multiple rules and therefore multiple room configs, then the room configs are combined (to be
    /// a superset)".
    static func combining(_ configs: [SlidingRoomConfig]) -> SlidingRoomConfig {
        if configs.count == 1, let only = configs.first { return only }
        var parts: [RequiredState] = []
        for part in configs.flatMap(\.parts) where !parts.contains(part) { parts.append(part) }
        return SlidingRoomConfig(timelineLimit: configs.map(\.timelineLimit).max() ?? 0, parts: parts)
    }

    func wants(_ name: SlotName) -> Bool { parts.contains { $0.wants(name) } }

    /// The single entries that the parts name.
    var exactEntries: [SlotName] {
        var names: Set<SlotName> = []
        for part in parts {
            for element in part.include {
                guard let type = element.type, let stateKey = element.stateKey else { continue }
                names.insert(SlotName(type: type.text, stateKey: stateKey.text))
            }
        }
        return names.filter(wants)
    }

    var weight: Int { parts.reduce(1) { $0 + $1.weight } }

    package static func == (left: SlidingRoomConfig, right: SlidingRoomConfig) -> Bool {
        left === right || left.timelineLimit == right.timelineLimit && left.parts == right.parts
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(timelineLimit)
        hasher.combine(parts)
    }
}
