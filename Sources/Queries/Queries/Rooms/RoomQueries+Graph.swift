package import EventLog
import KeyValueStore
package import MatrixIdentifiers
import ReadModel

/// A point at which a room has a state.
package enum StatePoint: Sendable, Hashable {
    /// The resolved current state just after a record.
    case position(LogPosition)
    /// The state before an event, wherever its branch is.
    case before(EventID)
    /// The state after an event.
    case after(EventID)
}

/// One entry that two states hold differently.
package struct StateDifferenceEntry: Sendable {
    package let type: String
    package let stateKey: String
    package let before: StoredEvent?
    package let after: StoredEvent?
}

extension RoomQueries {
    /// All state at a point, in log order; nil when the room has no such event.
    package func fullState(_ room: RoomID, at point: StatePoint) throws -> [StoredEvent]? {
        try views.snapshot { snapshot in
            guard let room = try snapshot.number(of: room), let state = try snapshot.state(of: room, at: point) else {
                return nil
            }
            return try snapshot.entries(snapshot.tables, state).values.sorted().map { try snapshot.stored($0) }
        }
    }

    /// What the state at one point has otherwise than at another, at the cost of what changed between; nil when the room has no
    /// such event.
    package func differences(
        _ room: RoomID, from: StatePoint, to: StatePoint
    ) throws -> [StateDifferenceEntry]? {
        try views.snapshot { snapshot in
            guard let room = try snapshot.number(of: room), let old = try snapshot.state(of: room, at: from),
                let new = try snapshot.state(of: room, at: to)
            else { return nil }
            return try snapshot.differences(snapshot.tables, old, new).map { difference in
                guard let name = try snapshot.slotName(snapshot.tables, difference.slot) else {
                    throw ViewDamage.missingName(
                        kind: ViewKeys.NameKind.slot.rawValue, number: difference.slot.rawValue)
                }
                return StateDifferenceEntry(
                    type: name.type,
                    stateKey: name.stateKey,
                    before: difference.before.isNone ? nil : try snapshot.stored(difference.before),
                    after: difference.after.isNone ? nil : try snapshot.stored(difference.after)
                )
            }
        }
    }
}

extension Snapshot {
    fileprivate func stored(_ position: LogPosition) throws -> StoredEvent {
        try StoredEvent(self, try event(at: position), at: position)
    }

    fileprivate func state(of room: RoomNum, at point: StatePoint) throws -> StateSnapshot? {
        func place(of eventID: EventID) throws -> LogPosition? {
            guard let position = try eventPosition(tables, eventID.rawValue) else { return nil }
            let event = try event(at: position)
            // Of an event without its place nobody knows the state.
            return event.room == room && !event.flags.contains(.outlier) ? position : nil
        }
        switch point {
        case .position(let position): return StateSnapshot(room: room, base: position)
        case .before(let eventID): return try place(of: eventID).map { try snapshot(tables, room, before: $0) }
        case .after(let eventID): return try place(of: eventID).map { try snapshot(tables, room, after: $0) }
        }
    }
}
