import EventAuthorization
package import MatrixEvents
package import MatrixIdentifiers
package import RoomVersions

/// A PDU with its id.
package struct HeldPDU: Sendable {
    package let pdu: PDU
    package let eventID: EventID

    package init(pdu: PDU, eventID: EventID) {
        self.pdu = pdu
        self.eventID = eventID
    }
}

/// An entry of room state: type and state key, compared by bytes.
package struct StateEntry: Hashable, Sendable {
    package let type: String
    package let stateKey: String

    package init(_ type: String, _ stateKey: String) {
        self.type = type
        self.stateKey = stateKey
    }

    package static func == (left: StateEntry, right: StateEntry) -> Bool {
        left.type.utf8.elementsEqual(right.type.utf8) && left.stateKey.utf8.elementsEqual(right.stateKey.utf8)
    }

    package func hash(into hasher: inout Hasher) {
        var type = type
        var stateKey = stateKey
        type.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        hasher.combine(UInt8(0xff))
        stateKey.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

/// Where the head of a room reads state that it does not hold yet.
package protocol RoomStateSource {
    func load(_ entry: StateEntry) throws -> HeldPDU?
    func load(_ eventID: EventID) throws -> HeldPDU?
}

/// The head of one room: what the next event chains on, committed or not.
///
/// A lane owns one value and decides on it; entries are loaded once and then kept up to date by the decisions.
package struct RoomHeadState {
    package let version: RoomVersion
    package let roomID: RoomID
    /// Records of the room's stream, counting those still on their way to the disk.
    package var streamVersion: UInt64
    package var forwardExtremities: [EventID]
    /// Whether everything that was decided on this head is in the views, so that its graph may be read there.
    package var isSettled = false
    /// Depth of the deepest forward extremity; 0 before the create event.
    package var depth: Int64
    /// Loaded entries; a nil value is an entry known to be absent.
    private var entries: [StateEntry: HeldPDU?] = [:]
    /// Entries that a fork's resolution gave to other events, which are loaded when they are asked for.
    private var moved: [StateEntry: EventID?] = [:]
    private let source: (any RoomStateSource)?
    private var parsedPowerLevels: PowerLevels?
    /// Events whose state before is the resolution of these `prev_events`, for their siblings to rest on.
    private var merges: [Set<EventID>: EventID] = [:]
    /// The event that was put at the head last.
    private var newest: HeldPDU?

    package init(
        version: RoomVersion,
        roomID: RoomID,
        streamVersion: UInt64,
        forwardExtremities: [EventID],
        depth: Int64,
        source: (any RoomStateSource)?
    ) {
        self.version = version
        self.roomID = roomID
        self.streamVersion = streamVersion
        self.forwardExtremities = forwardExtremities
        self.depth = depth
        self.source = source
    }

    /// How many entries are held; a lane that holds too many is let go and loaded anew.
    package var heldEntries: Int { entries.count }

    /// The event that holds an entry now, loading it when it was not asked for before.
    package mutating func held(_ type: String, _ stateKey: String) throws -> HeldPDU? {
        let entry = StateEntry(type, stateKey)
        if let known = entries[entry] { return known }
        let loaded: HeldPDU?
        if let holder = moved[entry] {
            loaded = try holder.flatMap { try source?.load($0) }
        } else {
            loaded = try source?.load(entry)
        }
        entries[entry] = .some(loaded)
        return loaded
    }

    /// An event that the next one follows.
    package func predecessor(_ eventID: EventID) throws -> HeldPDU? {
        if let newest, newest.eventID == eventID { return newest }
        return try source?.load(eventID)
    }

    /// The head of a room that got its id from its create event.
    package func renamed(to roomID: RoomID) -> RoomHeadState {
        var copy = RoomHeadState(
            version: version,
            roomID: roomID,
            streamVersion: streamVersion,
            forwardExtremities: forwardExtremities,
            depth: depth,
            source: source
        )
        copy.entries = entries
        copy.moved = moved
        return copy
    }

    /// The same head with nothing held, so that what was loaded long ago does not pile up.
    package func forgettingEntries() -> RoomHeadState {
        RoomHeadState(
            version: version,
            roomID: roomID,
            streamVersion: streamVersion,
            forwardExtremities: forwardExtremities,
            depth: depth,
            source: source
        )
    }

    /// Moves the head to the join by which the room comes to be known, or to be known anew.
    ///
    /// - Parameters:
    ///   - state: the state before it.
    ///   - gone: entries that were held until now and are no more.
    ///   - records: how many records this makes.
    package mutating func adopt(
        _ join: HeldPDU, state: [StateEntry: HeldPDU], gone: [StateEntry], records: UInt64
    ) {
        streamVersion += records
        forwardExtremities = [join.eventID]
        newest = join
        depth = max(depth, join.pdu.depth)
        entries = state.mapValues { .some($0) }
        moved = [:]
        for entry in gone { entries[entry] = .some(nil) }
        parsedPowerLevels = nil
        merges.removeAll()
        if let stateKey = join.pdu.stateKey { set(StateEntry(join.pdu.type, stateKey), heldBy: join) }
    }

    /// The power levels in force, parsed once for each change.
    package mutating func powerLevels() throws -> PowerLevels {
        if let parsedPowerLevels { return parsedPowerLevels }
        let create = try held("m.room.create", "")
        let levels = PowerLevels(
            content: try held("m.room.power_levels", "")?.pdu.content,
            create: create?.pdu,
            version: version
        )
        parsedPowerLevels = levels
        return levels
    }

    /// An earlier event with the same `prev_events`.
    package func sibling(after previous: Set<EventID>) -> EventID? { merges[previous] }

    package mutating func noteMerge(of previous: Set<EventID>, by event: EventID) {
        if merges.count >= 64 { merges.removeAll() }
        merges[previous] = event
    }

    /// Moves the head on by an event of the graph, wherever its place is.
    package mutating func place(_ event: HeldPDU, _ placement: HeadPlacement) {
        streamVersion += 1
        guard placement.isInTimeline else { return }
        forwardExtremities = placement.forwardExtremities
        if !placement.isPast {
            newest = event
            depth = max(depth, event.pdu.depth)
        }
        if placement.setsOwnEntry, let stateKey = event.pdu.stateKey {
            set(StateEntry(event.pdu.type, stateKey), heldBy: event)
        }
        for (entry, holder) in placement.changes {
            entries[entry] = nil
            moved[entry] = .some(holder)
            forgetLevels(of: entry)
        }
    }

    private mutating func set(_ entry: StateEntry, heldBy event: HeldPDU) {
        entries[entry] = .some(event)
        forgetLevels(of: entry)
    }

    private mutating func forgetLevels(of entry: StateEntry) {
        if entry.type == "m.room.power_levels" || entry.type == "m.room.create" { parsedPowerLevels = nil }
    }

    /// Puts an accepted event, which follows all forward extremities, at the head.
    package mutating func advance(to event: HeldPDU) {
        forwardExtremities = [event.eventID]
        newest = event
        depth = max(depth, event.pdu.depth)
        streamVersion += 1
        guard let stateKey = event.pdu.stateKey else { return }
        set(StateEntry(event.pdu.type, stateKey), heldBy: event)
    }
}
