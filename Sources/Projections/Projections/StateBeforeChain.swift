import EventLog
import KeyValueStore
import LogEvents
import ProjectionEngine
import ReadModel

/// Writes the state before an event of a fork as a row that rests on the row of an earlier event.
///
/// Rows of a branch form a chain. A row at a depth that 16 divides reaches back over the largest power of 16 that divides it
/// and holds all changes between. So a look-up in a branch of n events visits 15 rows for each digit of n, and the branch
/// costs a few entries for each of its changes instead of one for each pair of them.
struct StateBeforeChain {
    let room: RoomNum
    let position: LogPosition
    let batch: BatchContext

    private static let step: UInt64 = 16
    /// A row that is little more than another takes that one's base, so that siblings do not rest on each other.
    private static let smallDelta = 8

    func write(_ before: PDURecorded.StateBefore, _ transaction: borrowing WriteTransaction) throws {
        let row = try compacted(try row(for: before, transaction), transaction)
        try transaction.putPacked(
            batch.tables.stateBefore, ViewKeys.stateRecord(room, position), row.encoded())
    }

    private func row(
        for before: PDURecorded.StateBefore, _ transaction: borrowing WriteTransaction
    ) throws -> StateBeforeRow {
        let delta = try entries(of: before.delta, transaction)
        switch before.origin {
        case .empty: return StateBeforeRow(base: .current(.none), depth: 0, delta: delta)
        case .itself: return StateBeforeRow(base: .current(position), depth: 0, delta: delta)
        case .before:
            let other = try known(before.eventID, transaction)
            guard let row = try transaction.stateBeforeRow(batch.tables, room, other) else {
                let last = LogPosition(rawValue: other.rawValue - 1)
                return StateBeforeRow(base: .current(last), depth: 0, delta: delta)
            }
            if row.delta.count + delta.count <= Self.smallDelta {
                return StateBeforeRow(
                    base: row.base, depth: row.depth, delta: Self.merged(delta, over: row.delta))
            }
            return StateBeforeRow(base: .before(other), depth: row.depth + 1, delta: delta)
        case .after:
            let other = try known(before.eventID, transaction)
            if try transaction.isCurrentAfter(batch.tables, room, other) {
                return StateBeforeRow(base: .current(other), depth: 0, delta: delta)
            }
            let depth = try transaction.stateBeforeRow(batch.tables, room, other)?.depth ?? 0
            return StateBeforeRow(base: .after(other), depth: depth + 1, delta: delta)
        }
    }

    private func known(_ eventID: String, _ transaction: borrowing WriteTransaction) throws -> LogPosition {
        let found = try batch.position(of: eventID, before: position, transaction)
        guard found != .none else { throw StateFault.unknownEvent(eventID) }
        return found
    }

    private func entries(
        of delta: [PDURecorded.StateChange], _ transaction: borrowing WriteTransaction
    ) throws -> [StateDelta.Entry] {
        var bySlot: [SlotNum: LogPosition] = [:]
        for change in delta {
            let slot = try batch.slot(type: change.type, stateKey: change.stateKey, transaction)
            bySlot[slot] = try change.eventID.map { try holder($0, transaction) } ?? LogPosition.none
        }
        return Self.sorted(bySlot)
    }

    private func holder(_ eventID: String, _ transaction: borrowing WriteTransaction) throws -> LogPosition {
        let found = try batch.firstPosition(of: eventID, before: position, transaction)
        guard found != .none else { throw StateFault.unknownEvent(eventID) }
        return found
    }

    /// Makes the row reach back over several rows, when it is its turn.
    private func compacted(
        _ row: StateBeforeRow, _ transaction: borrowing WriteTransaction
    ) throws -> StateBeforeRow {
        guard row.depth > 0, row.depth % Self.step == 0 else { return row }
        var reach = Self.step
        while row.depth % (reach * Self.step) == 0 { reach *= Self.step }
        let wanted = row.depth - reach
        var overlay: [SlotNum: LogPosition] = [:]
        for entry in row.delta { overlay[entry.slot] = entry.holder }
        var base = row.base
        while true {
            let other: LogPosition
            let isAfter: Bool
            switch base {
            case .current: return StateBeforeRow(base: base, depth: row.depth, delta: Self.sorted(overlay))
            case .after(let position): (other, isAfter) = (position, true)
            case .before(let position): (other, isAfter) = (position, false)
            }
            let next = try transaction.stateBeforeRow(batch.tables, room, other)
            if let next, next.depth <= wanted {
                return StateBeforeRow(base: base, depth: row.depth, delta: Self.sorted(overlay))
            }
            if isAfter, let own = try transaction.ownEntry(batch.tables, at: other), overlay[own.slot] == nil {
                overlay[own.slot] = own.holder
            }
            for entry in next?.delta ?? [] where overlay[entry.slot] == nil { overlay[entry.slot] = entry.holder }
            base = next?.base ?? .current(LogPosition(rawValue: other.rawValue - 1))
        }
    }

    private static func merged(
        _ newer: [StateDelta.Entry], over older: [StateDelta.Entry]
    ) -> [StateDelta.Entry] {
        var bySlot: [SlotNum: LogPosition] = [:]
        for entry in older + newer { bySlot[entry.slot] = entry.holder }
        return sorted(bySlot)
    }

    /// In the order of slots, so that equal states make equal rows.
    private static func sorted(_ entries: [SlotNum: LogPosition]) -> [StateDelta.Entry] {
        entries.map { (slot: $0.key, holder: $0.value) }.sorted { $0.slot < $1.slot }
    }
}
