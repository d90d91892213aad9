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
    /// Depth of the deepest forward extremity; 0 before the create event.
    package var depth: Int64
    /// Loaded entries; a nil value is an entry known to be absent.
    private var entries: [StateEntry: HeldPDU?] = [:]
    private let source: (any RoomStateSource)?
    private var parsedPowerLevels: PowerLevels?
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
        let loaded = try source?.load(entry)
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

    /// Puts an accepted event at the head.
    package mutating func advance(to event: HeldPDU) {
        forwardExtremities = [event.eventID]
        newest = event
        depth = max(depth, event.pdu.depth)
        streamVersion += 1
        guard let stateKey = event.pdu.stateKey else { return }
        entries[StateEntry(event.pdu.type, stateKey)] = .some(event)
        if event.pdu.type == "m.room.power_levels" || event.pdu.type == "m.room.create" { parsedPowerLevels = nil }
    }
}
