import EventLog
import ReadModel

/// What a client has of one room of a connection.
struct SentRoom: Sendable {
    /// What the user was in the room when it was sent.
    var membership: StoredMembership
    var config: SlidingRoomConfig
    /// How many of the room's newest events the client has without a gap.
    var known = 0
    /// Whether there are no older events than those.
    var hasAllEvents = false
    var summary = SentSummary()
    /// Those whose member events were sent because of the timeline.
    var members: Set<UserNum> = []
}

/// What was sent of a room beside events, as hashes where it is long: only what is different is sent again.
struct SentSummary: Sendable, Equatable {
    var name: Int?
    var avatar: Int?
    var heroes: Int?
    var isDM = false
    var joined: UInt64 = 0
    var invited: UInt64 = 0
    var notifications = 0
    var highlights = 0
}

/// What a client has once it has an answer: everything that the next answer depends on.
struct SlidingState: Sendable {
    /// Stands in the `pos` of the answer.
    var number: UInt64 = 0
    var position = LogPosition.none
    var ephemeral: UInt64 = 0
    var track = ScopeTrack()
    var rooms: [RoomNum: SentRoom] = [:]
    /// The length of each list.
    var counts: [SameBytes: Int] = [:]
    var extensions = SlidingExtensionState()
    /// The members of all rooms.
    var members = 0
    /// The elements of all configs of rooms, or more.
    var elements = 0

    /// How much memory it is worth, in entries.
    var weight: Int { rooms.count * 4 + track.weight + extensions.weight + members + elements * 2 }

    /// Takes over what an answer has changed.
    mutating func apply(_ change: SlidingChange) {
        var rooms = rooms
        var members = members
        let elements = elements
        self = change.next
        for (room, sent) in change.rooms {
            let before = rooms.updateValue(sent, forKey: room)
            members += sent.members.count - (before?.members.count ?? 0)
        }
        self.rooms = rooms
        self.members = members
        self.elements = elements + change.elements
        guard self.elements > Self.mostElements else { return }
        // Rooms share configs, and forget old ones: now and then it is worth while to count.
        var configs: [ObjectIdentifier: Int] = [:]
        for sent in rooms.values { configs[ObjectIdentifier(sent.config)] = sent.config.weight }
        self.elements = configs.values.reduce(0, +)
    }

    private static let mostElements = 16_384
}

/// Up to where the client has what extensions tell.
struct SlidingExtensionState: Sendable {
    /// Nil while the extension was never on.
    var accountData: LogPosition?
    var accountDataRooms = ScopeTrack()
    var receipts = ScopeTrack()
    /// In versions of the ephemeral state.
    var typing = ScopeTrack()
    var deviceLists: LogPosition?
    var keyStock: Int?
    var threads: LogPosition?

    var weight: Int { accountDataRooms.weight + receipts.weight + typing.weight }
}

/// What an answer changes in the state of its connection, should the client get it.
struct SlidingChange: Sendable {
    /// Without rooms.
    var next: SlidingState
    var rooms: [RoomNum: SentRoom] = [:]
    /// Of the configs that the rooms were sent with.
    var elements = 0

    var weight: Int {
        rooms.values.reduce(0) { $0 + 4 + $1.members.count } + next.track.weight + next.extensions.weight + elements * 2
    }
}
