import CanonicalJSON
import EventLog
import LogEvents
import TestSupport

/// A room with forks, as dictionaries: what the tables must say of it.
///
/// Who wins a conflict is decided by a rule of its own: projections decide nothing, so any rule serves.
struct ForkedRoomScript {
    typealias State = [String: String]

    struct Event {
        let eventID: String
        let position: LogPosition
        let before: State
        let after: State
        let isExtremity: Bool
    }

    let room = "!r:s"
    private(set) var log = LogScript()
    private(set) var events: [Event] = []
    /// The current state after each record, from the first event on.
    private(set) var current: [LogPosition: State] = [:]
    private var extremities: [Int] = []
    private var random: SeededRandom
    private let users = (0..<8).map { "@u\($0):s" }

    init(seed: UInt64) {
        random = SeededRandom(seed: seed)
    }

    mutating func grow(by count: Int) {
        for _ in 0..<count { step() }
    }

    /// A branch of so many events beside the rest of the room, each of which sets an entry.
    mutating func branch(of count: Int) {
        var tip = events.indices.last
        for _ in 0..<count {
            append(after: tip.map { [$0] } ?? [], entry: "m.test|\(random.below(300))", verdict: .accepted)
            tip = events.indices.last
            append(after: extremities.filter { $0 != tip }, entry: nil, verdict: .accepted)
        }
    }

    private mutating func step() {
        var previous = extremities
        if events.count > 3, random.below(3) == 0 {
            previous = (0...random.below(3)).map { _ in events.count - 1 - random.below(min(events.count, 12)) }
        }
        let verdict: PDURecorded.Verdict =
            events.isEmpty ? .accepted : [.accepted, .accepted, .accepted, .softFailed, .rejected][random.below(5)]
        let entries = ["m.room.topic|", "m.room.name|"] + users.map { "m.room.member|\($0)" }
        append(
            after: Array(Set(previous)).sorted(), entry: random.below(3) > 0 ? random.pick(entries) : nil,
            verdict: verdict)
        if random.below(4) == 0 { log.message("elsewhere", in: "!other:s", by: "@x:s") }
    }

    /// Of several states the greatest event id holds an entry; a third of the entries that not all have are dropped.
    private func resolve(_ states: [State]) -> State {
        var result: State = [:]
        for key in Set(states.flatMap(\.keys)) {
            let held = states.compactMap { $0[key] }
            guard let greatest = held.max() else { continue }
            if held.count < states.count, greatest.utf8.reduce(0, { $0 &+ Int($1) }) % 3 == 0 { continue }
            result[key] = greatest
        }
        return result
    }

    private func changes(from old: State, to new: State) -> [PDURecorded.StateChange] {
        Set(old.keys).union(new.keys).sorted().filter { old[$0] != new[$0] }.map { key in
            let parts = key.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
            return PDURecorded.StateChange(type: parts[0], stateKey: parts[1], eventID: new[key])
        }
    }

    private mutating func base(for before: State, after previous: [Int]) -> PDURecorded.StateBefore? {
        let now = log.head == .none ? [:] : current[log.head] ?? lastCurrent
        if before == now, random.below(4) > 0 { return nil }
        let origin = previous.first.map { events[$0] } ?? events.last
        guard let origin, random.below(12) > 0 else {
            return PDURecorded.StateBefore(origin: .empty, eventID: "", delta: changes(from: [:], to: before))
        }
        if random.below(3) == 0 {
            let sibling = events[events.count - 1 - random.below(min(4, events.count))]
            return PDURecorded.StateBefore(
                origin: .before, eventID: sibling.eventID, delta: changes(from: sibling.before, to: before))
        }
        return PDURecorded.StateBefore(
            origin: .after, eventID: origin.eventID, delta: changes(from: origin.after, to: before))
    }

    private var lastCurrent: State = [:]

    private mutating func append(after previous: [Int], entry: String?, verdict: PDURecorded.Verdict) {
        let before = resolve(previous.map { events[$0].after })
        let stateBefore = base(for: before, after: previous)
        let parts = entry?.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
        let old = lastCurrent
        // The event's own id is not known yet; it is the next one.
        let eventID = LogScript.eventID(number: log.eventCount + 1)
        var after = before
        if let entry, verdict != .rejected { after[entry] = eventID }
        if verdict == .accepted {
            extremities.removeAll { previous.contains($0) }
            extremities.append(events.count)
        }
        let index = events.count
        let states = extremities.map { $0 == index ? after : events[$0].after }
        let new = resolve(states)
        let setsOwn = entry.map { new[$0] == eventID && old[$0] != eventID } ?? false
        let delta = changes(from: old, to: new).filter { !(setsOwn && $0.eventID == eventID) }
        let membership = parts?[0] == "m.room.member" ? ["join", "leave", "ban"][random.below(3)] : nil
        log.event(
            parts?[0] ?? "m.room.message", in: room, by: "@a:s", stateKey: parts?[1],
            content: membership.map { ["membership": .string($0)] } ?? [:], verdict: verdict, setsOwnEntry: setsOwn,
            delta: delta, stateBefore: stateBefore, previous: previous.map { events[$0].eventID })
        events.append(
            Event(
                eventID: eventID, position: log.head, before: before, after: after,
                isExtremity: verdict == .accepted))
        lastCurrent = new
        current[log.head] = new
    }
}
