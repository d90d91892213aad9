package import Decisions
import LogEvents
package import MatrixEvents
package import MatrixIdentifiers
package import StateResolution

/// The graph of a room in memory, as its records say it came about: for the audit, and for tests.
///
/// The current state is kept as versions of each entry, and the states before events of forks as overlays, so that a long room
/// costs about what its state events say.
package struct MemoryRoomGraph: RoomGraph {
    private var events = MemoryResolutionSource()
    private var versions: [StateSlot: [Version]] = [:]
    private var changes: [(point: UInt64, slots: [StateSlot])] = []
    private var entries: [StateSlot: StateEntry] = [:]
    private var points: [EventID: UInt64] = [:]
    private var standings: [EventID: EventStanding] = [:]
    /// The states before events that are not the current state just before them.
    private var exceptions: [EventID: GraphState] = [:]
    /// Who follows events that are not known.
    private var gaps: [EventID: [EventID]] = [:]
    private var ownChanges: [EventID: StateDifference.Change] = [:]
    private var point: UInt64 = 0
    package private(set) var forwardExtremities: [EventID] = []

    private struct Version {
        let point: UInt64
        let holder: EventNumber?
    }

    package init() {}

    /// Adds an event as it was judged.
    ///
    /// - Parameters:
    ///   - before: the state before it; nil for an outlier.
    ///   - adopts: the event is the join that adopts the room; only its own entry is looked at in the state before it, all else
    ///     is as it is after it.
    ///   - changes: what the current state became by it.
    package mutating func append(
        _ event: HeldPDU, _ standing: EventStanding, before: GraphState?, adopts: Bool = false,
        extremities: [EventID], changes difference: [(entry: StateEntry, holder: EventID?)]
    ) throws {
        let isPlain = try adopts || before.map { try self.difference(from: current, to: $0).isEmpty } ?? true
        exceptions[event.eventID] = isPlain ? nil : before
        point += 1
        if adopts, let before, let stateKey = event.pdu.stateKey {
            let slot = try slotNumber(of: StateEntry(event.pdu.type, stateKey))
            exceptions[event.eventID] = GraphState(base: point, overlay: [slot: try self.event(at: slot, in: before)])
        }
        if !standing.isOutlier { gaps[event.eventID] = nil }
        if standing.verdict == .accepted, !standing.isOutlier {
            for previous in Set(event.pdu.prevEvents) where standings[previous].map(\.isOutlier) ?? true {
                gaps[previous, default: []].append(event.eventID)
            }
        }
        if let stateKey = event.pdu.stateKey {
            do {
                let number = try events.append(
                    event.pdu, eventID: event.eventID, isRejected: standing.verdict == .rejected)
                try events.judge(number, isRejected: standing.verdict == .rejected)
                let slot = try slotNumber(of: StateEntry(event.pdu.type, stateKey))
                if standing.verdict != .rejected, !standing.isOutlier {
                    ownChanges[event.eventID] = StateDifference.Change(slot: slot, event: number)
                }
            } catch ResolutionError.unknownAuthEvent where standing.verdict == .rejected {
                // It names what nobody knows, and nothing may rest on it.
            }
        }
        points[event.eventID] = point
        standings[event.eventID] = standing
        forwardExtremities = extremities
        guard !difference.isEmpty else { return }
        var slots: [StateSlot] = []
        for (entry, holder) in difference {
            let slot = try slotNumber(of: entry)
            let number = try holder.map { id in
                guard let number = events.number(of: id) else { throw GraphFault.unknownEventID(id) }
                return number
            }
            versions[slot, default: []].append(Version(point: point, holder: number))
            slots.append(slot)
        }
        changes.append((point, slots))
    }

    private mutating func slotNumber(of entry: StateEntry) throws -> StateSlot {
        let slot = try events.slotInterning(type: entry.type, stateKey: entry.stateKey)
        entries[slot] = entry
        return slot
    }

    // MARK: RoomGraph

    package var current: GraphState { GraphState(base: point) }
    package var nextNumber: EventNumber { EventNumber(UInt32(clamping: events.count)) }

    package func holder(of slot: StateSlot, asOf base: UInt64) -> EventNumber? {
        guard let versions = versions[slot] else { return nil }
        var low = 0
        var high = versions.count
        while low < high {
            let middle = (low + high) / 2
            if versions[middle].point <= base { low = middle + 1 } else { high = middle }
        }
        return low == 0 ? nil : versions[low - 1].holder
    }

    package func changedSlots(after start: UInt64, upTo end: UInt64) -> Set<StateSlot> {
        var slots: Set<StateSlot> = []
        for change in changes.reversed() where change.point <= end {
            if change.point <= start { break }
            slots.formUnion(change.slots)
        }
        return slots
    }

    package func entry(of slot: StateSlot) throws -> StateEntry {
        guard let entry = entries[slot] else { throw GraphFault.unknownSlot(slot) }
        return entry
    }

    package func standing(of eventID: EventID) -> EventStanding? { standings[eventID] }
    package func number(of eventID: EventID) -> EventNumber? { events.number(of: eventID) }

    /// State events only: of others nothing is kept but their place.
    package func held(_ eventID: EventID) throws -> HeldPDU? {
        try events.number(of: eventID).map { HeldPDU(pdu: try events.pdu(of: $0), eventID: eventID) }
    }

    package func followers(ofMissing eventID: EventID) -> [EventID] { gaps[eventID] ?? [] }

    package func state(before eventID: EventID) throws -> GraphState {
        guard let point = points[eventID] else { throw GraphFault.unknownEventID(eventID) }
        return exceptions[eventID] ?? GraphState(base: point - 1)
    }

    package func state(after eventID: EventID) throws -> GraphState {
        let before = try state(before: eventID)
        return ownChanges[eventID].map { before.applying(StateDifference([$0])) } ?? before
    }

    // MARK: ResolutionSource

    package func authRow(of event: EventNumber) throws -> AuthIndexRow { try events.authRow(of: event) }
    package func citations(of event: EventNumber, below bound: EventNumber?, limit: Int) throws -> [EventNumber] {
        try events.citations(of: event, below: bound, limit: limit)
    }
    package func pdu(of event: EventNumber) throws -> PDU { try events.pdu(of: event) }
    package func eventID(of event: EventNumber) throws -> EventID { try events.eventID(of: event) }
    package func slot(type: String, stateKey: String) -> StateSlot? { events.slot(type: type, stateKey: stateKey) }
    package func createEvent() -> EventNumber? { events.createEvent() }
}
