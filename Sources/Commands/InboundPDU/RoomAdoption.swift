import CanonicalJSON
package import Decisions
import EventAuthorization
package import LogEvents
import MatrixEvents
package import MatrixIdentifiers
import RoomVersions

/// The answer to `send_join`, each event of it past the checks that look at nothing but itself: a room whose beginning lies
/// elsewhere.
package struct RoomAdoption: Sendable {
    /// The join of a local user, signed by both servers where the room wants that.
    package let join: ReceivedPDU
    /// "The resolved current room state prior to the join event."
    package let state: [ReceivedPDU]
    /// "The auth chain for the entire current room state prior to the join event."
    package let authChain: [ReceivedPDU]

    package init(join: ReceivedPDU, state: [ReceivedPDU], authChain: [ReceivedPDU]) {
        self.join = join
        self.state = state
        self.authChain = authChain
    }

    /// So many events of an answer are looked at.
    package static let mostEvents = 700_000

    /// What adopting the room records, in this order: outliers, then the join.
    package struct Decided {
        package let facts: [PDURecorded]
        /// Entries of the state before the join.
        package let entryCount: Int
        /// Events that rest on others that nobody has.
        package let droppedCount: Int
    }

    /// Judges everything, and moves the head to the join.
    ///
    /// - Parameters:
    ///   - current: the entries of the room's current state, as an earlier stay left them.
    ///   - known: an event that was recorded before.
    /// - Throws: ``AdoptionFault``, or what reading throws.
    package func decide(
        on head: inout RoomHeadState, current: [StateEntry: EventID],
        known: @escaping (EventID) throws -> OutlierJudge.Judged?
    ) throws -> Decided {
        guard state.count + authChain.count <= Self.mostEvents else { throw AdoptionFault.tooManyEvents }
        let version = head.version
        guard join.version == version else { throw AdoptionFault.wrongVersion }
        guard join.pdu.type == "m.room.member", join.pdu.stateKey == join.pdu.sender.rawValue,
            join.pdu.content["membership"]?.stringValue == "join"
        else { throw AdoptionFault.notAJoin }
        let outliers = try OutlierJudge(room: head.roomID, version: version, known: known).judge(
            authChain + state)
        let entries = try stateBefore(outliers)
        try checkCreate(entries)
        let judgement = try judge(entries, outliers, in: head.roomID)
        guard judgement.verdict == .accepted else {
            throw AdoptionFault.joinRefused(rule: judgement.rule, reason: judgement.reason)
        }
        let own = StateEntry(join.pdu.type, join.pdu.stateKey ?? "")
        let gone = current.keys.filter { entries[$0] == nil && $0 != own }
        let fact = PDURecorded(
            verdict: .accepted,
            roomVersion: version.id,
            roomID: head.roomID.rawValue,
            eventID: join.eventID.rawValue,
            setsOwnEntry: true,
            adopts: true,
            stateDelta: changes(entries, gone: gone, own: own, current: current),
            stateBefore: PDURecorded.StateBefore(
                origin: .itself, eventID: "",
                delta: [
                    PDURecorded.StateChange(
                        type: own.type, stateKey: own.stateKey, eventID: entries[own]?.eventID.rawValue)
                ]),
            pdu: join.pdu.bytes
        )
        head.adopt(join.held, state: entries, gone: gone, records: UInt64(outliers.facts.count + 1))
        return Decided(
            facts: outliers.facts + [fact], entryCount: entries.count, droppedCount: outliers.droppedCount)
    }

    /// The entries of the state; rejected events hold none.
    private func stateBefore(_ outliers: OutlierJudge.Result) throws(AdoptionFault) -> [StateEntry: HeldPDU] {
        var entries: [StateEntry: HeldPDU] = [:]
        entries.reserveCapacity(state.count)
        for event in state {
            guard let judged = outliers.judged[event.eventID], !judged.isRejected, let stateKey = event.pdu.stateKey
            else { continue }
            let entry = StateEntry(event.pdu.type, stateKey)
            if let other = entries[entry], other.eventID != event.eventID { throw .contradictoryState(entry) }
            entries[entry] = judged.event
        }
        return entries
    }

    /// "the join event's room version must be that of the create event": a room of another version would be judged by the
    /// wrong rules.
    private func checkCreate(_ entries: [StateEntry: HeldPDU]) throws(AdoptionFault) {
        guard let create = entries[StateEntry("m.room.create", "")] else { throw .noCreateEvent }
        // "room_version: The version of the room. Defaults to "1" if the key does not exist."
        let said = create.pdu.content["room_version"]
        guard let name = said == nil ? "1" : said?.stringValue, name.utf8.elementsEqual(join.version.id.utf8) else {
            throw .wrongVersion
        }
    }

    /// "5. Passes authorisation rules based on the state before the event", which is the state that was given.
    private func judge(
        _ entries: [StateEntry: HeldPDU], _ outliers: OutlierJudge.Result, in room: RoomID
    ) throws -> Judgement {
        var named: [AuthEventsCheck.Named] = []
        for eventID in join.pdu.authEvents {
            guard let judged = outliers.judged[eventID] else { throw AdoptionFault.missingAuthEvent(eventID) }
            named.append(AuthEventsCheck.Named(event: judged.event, isRejected: judged.isRejected))
        }
        let create = entries[StateEntry("m.room.create", "")]
        return try Judgement.of {
            try AuthEventsCheck(received: join, room: room, create: create).check(named)
            try StateCheck(received: join, room: room).check { entries[$0] }
        }
    }

    private func changes(
        _ entries: [StateEntry: HeldPDU], gone: [StateEntry], own: StateEntry, current: [StateEntry: EventID]
    ) -> [PDURecorded.StateChange] {
        var changes: [PDURecorded.StateChange] = []
        changes.reserveCapacity(entries.count)
        // In the order of the answer, so that the same answer makes the same record.
        var told: Set<StateEntry> = [own]
        for event in state {
            guard let stateKey = event.pdu.stateKey else { continue }
            let entry = StateEntry(event.pdu.type, stateKey)
            guard let holder = entries[entry], holder.eventID != current[entry], told.insert(entry).inserted else {
                continue
            }
            changes.append(
                PDURecorded.StateChange(type: entry.type, stateKey: stateKey, eventID: holder.eventID.rawValue))
        }
        for entry in gone.sorted(by: { ($0.type, $0.stateKey) < ($1.type, $1.stateKey) }) {
            changes.append(PDURecorded.StateChange(type: entry.type, stateKey: entry.stateKey, eventID: nil))
        }
        return changes
    }
}

/// Why the answer to `send_join` makes no room.
package enum AdoptionFault: Error, Sendable, Hashable {
    case notAJoin
    case alreadyKnown(EventID)
    case tooManyEvents
    case noCreateEvent
    /// The create event is of another room version than the one that was agreed on.
    case wrongVersion
    /// Two events of the state hold one entry.
    case contradictoryState(StateEntry)
    case missingAuthEvent(EventID)
    case joinRefused(rule: String, reason: String)
}
