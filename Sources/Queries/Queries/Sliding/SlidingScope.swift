import ReadModel

/// The rooms that the rules of a request match, and by which rules.
struct SlidingScope {
    struct Entry {
        let listed: ListedRoom
        /// By their place in the request.
        var lists: [Int] = []
        var subscription: Int?
    }

    private let request: SlidingSyncRequest
    /// In the order in which they are told: the lists' order, then the subscriptions'.
    private(set) var order: [RoomNum] = []
    private(set) var entries: [RoomNum: Entry] = [:]
    /// The same as a set.
    private(set) var rooms: Set<RoomNum> = []
    /// Those that the user is in.
    private(set) var joined: Set<RoomNum> = []
    /// The length of each list without its ranges.
    private(set) var counts: [Int] = []

    init(_ context: SlidingContext) throws {
        request = context.request
        var rooms: [ListedRoom] = []
        if !request.lists.isEmpty { rooms = try context.listedRooms() }
        for (index, list) in request.lists.enumerated() {
            var matching = rooms
            if !list.filter.isEmpty {
                let judge = try SlidingFilterJudge(context, list.filter)
                matching = try rooms.filter(judge.allows)
            }
            counts.append(matching.count)
            for range in list.ranges ?? [0...Int.max] where range.lowerBound < matching.count {
                for listed in matching[range.lowerBound...min(range.upperBound, matching.count - 1)] {
                    add(listed) { if $0.lists.last != index { $0.lists.append(index) } }
                }
            }
        }
        for (index, subscription) in request.subscriptions.enumerated() {
            guard let listed = try context.subscribedRoom(subscription.roomID) else { continue }
            add(listed) { $0.subscription = index }
        }
        self.rooms = Set(order)
        joined = Set(order.filter { entries[$0]?.listed.row.membership == .join })
    }

    private mutating func add(_ listed: ListedRoom, _ change: (inout Entry) -> Void) {
        if entries[listed.room] == nil { order.append(listed.room) }
        change(&entries[listed.room, default: Entry(listed: listed)])
    }

    func listNames(of entry: Entry) -> [String] { entry.lists.map { request.lists[$0].name } }

    /// The rooms that an extension speaks of.
    ///
    /// - Parameter inside: only those that the user is in.
    func rooms(of scope: SlidingExtensions.Scope, inside: Bool = false) -> Set<RoomNum> {
        if scope.lists == nil, scope.rooms == nil { return inside ? joined : rooms }
        var rooms: Set<RoomNum> = []
        for (room, entry) in entries {
            let inList = entry.lists.contains { index in
                scope.lists?.contains(SameBytes(request.lists[index].name)) ?? true
            }
            let inSubscription =
                entry.subscription.map { index in
                    scope.rooms?.contains(SameBytes(request.subscriptions[index].roomID)) ?? true
                } ?? false
            if inList || inSubscription, !inside || joined.contains(room) { rooms.insert(room) }
        }
        return rooms
    }
}

/// Makes one config of all rules that a room matches, the same object for the same rules and for equal ones of before.
struct SlidingConfigs {
    private struct Rules: Hashable {
        let lists: [Int]
        let subscription: Int?
    }

    private let request: SlidingSyncRequest
    private var byRules: [Rules: SlidingRoomConfig] = [:]
    private var canonical: Set<SlidingRoomConfig> = []

    init(_ request: SlidingSyncRequest) {
        self.request = request
    }

    /// The elements of all configs that were made.
    var elements: Int { canonical.reduce(0) { $0 + $1.weight } }

    /// - Parameter before: the config that the room was sent with; it is taken again when it is equal.
    mutating func config(of entry: SlidingScope.Entry, before: SlidingRoomConfig?) -> SlidingRoomConfig {
        let rules = Rules(lists: entry.lists, subscription: entry.subscription)
        if let known = byRules[rules] { return known }
        var configs = entry.lists.map { request.lists[$0].config }
        if let index = entry.subscription { configs.append(request.subscriptions[index].config) }
        var made = SlidingRoomConfig.combining(configs)
        if let before, before == made { made = before }
        made = canonical.insert(made).memberAfterInsert
        byRules[rules] = made
        return made
    }
}
