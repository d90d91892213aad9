package import Decisions
import EventAuthorization
package import LogEvents
import MatrixEvents
package import MatrixIdentifiers
package import RoomVersions

/// Judges state events of which the place is not known by their auth events alone, each after those that it names.
package struct OutlierJudge {
    /// What came of a number of events.
    package struct Result {
        /// Those that were recorded neither before nor now: to be recorded in this order.
        package fileprivate(set) var facts: [PDURecorded] = []
        /// Every event that could be judged, now or before.
        package fileprivate(set) var judged: [EventID: Judged] = [:]
        /// How many were no state events, or rest on auth events that nobody has.
        package fileprivate(set) var droppedCount = 0

        package init() {}
    }

    package struct Judged: Sendable {
        package let event: HeldPDU
        package let isRejected: Bool

        package init(event: HeldPDU, isRejected: Bool) {
            self.event = event
            self.isRejected = isRejected
        }
    }

    private let room: RoomID
    private let version: RoomVersion
    private let known: (EventID) throws -> Judged?

    /// - Parameter known: an event that was recorded before.
    package init(room: RoomID, version: RoomVersion, known: @escaping (EventID) throws -> Judged?) {
        self.room = room
        self.version = version
        self.known = known
    }

    /// - Parameter create: the room's create event, when it is recorded already.
    package func judge(_ received: [ReceivedPDU], create: HeldPDU? = nil) throws -> Result {
        var result = Result()
        var fresh: [EventID: ReceivedPDU] = [:]
        var order: [EventID] = []
        for event in received where fresh[event.eventID] == nil && result.judged[event.eventID] == nil {
            if let before = try known(event.eventID) {
                result.judged[event.eventID] = before
            } else if event.pdu.isState {
                fresh[event.eventID] = event
                order.append(event.eventID)
            } else {
                result.droppedCount += 1
            }
        }
        // From v12 on the create event is not named, and yet all rest on it: it goes first.
        let create = create ?? received.first { $0.isCreate }?.held
        if version.createNotInAuthEvents, let index = order.firstIndex(where: { fresh[$0]?.isCreate == true }) {
            order.insert(order.remove(at: index), at: 0)
        }
        for eventID in try topological(order, fresh, &result) {
            guard let event = fresh[eventID] else { continue }
            try record(event, create: create, &result)
        }
        return result
    }

    /// The events each after its auth events, as far as those are to be had: those that form a circle are not.
    private func topological(
        _ order: [EventID], _ fresh: [EventID: ReceivedPDU], _ result: inout Result
    ) throws -> [EventID] {
        var waiting: [EventID: Int] = [:]
        var citing: [EventID: [EventID]] = [:]
        var ready: [EventID] = []
        for eventID in order {
            guard let event = fresh[eventID] else { continue }
            var count = 0
            for authEvent in Set(event.pdu.authEvents) where result.judged[authEvent] == nil {
                if fresh[authEvent] != nil {
                    citing[authEvent, default: []].append(eventID)
                } else if let before = try known(authEvent) {
                    result.judged[authEvent] = before
                    continue
                }
                // One that nobody has never comes.
                count += 1
            }
            waiting[eventID] = count
            if count == 0 { ready.append(eventID) }
        }
        var sorted: [EventID] = []
        sorted.reserveCapacity(order.count)
        var next = 0
        while next < ready.count {
            let eventID = ready[next]
            next += 1
            sorted.append(eventID)
            for other in citing[eventID] ?? [] {
                guard let left = waiting[other] else { continue }
                waiting[other] = left - 1
                if left == 1 { ready.append(other) }
            }
        }
        result.droppedCount += order.count - sorted.count
        return sorted
    }

    private func record(_ event: ReceivedPDU, create: HeldPDU?, _ result: inout Result) throws {
        let named = event.pdu.authEvents.compactMap { eventID in
            result.judged[eventID].map { AuthEventsCheck.Named(event: $0.event, isRejected: $0.isRejected) }
        }
        let judgement = try Judgement.of {
            try AuthEventsCheck(received: event, room: room, create: event.isCreate ? nil : create).check(named)
        }
        result.judged[event.eventID] = Judged(event: event.held, isRejected: judgement.verdict == .rejected)
        result.facts.append(
            PDURecorded(
                verdict: judgement.verdict,
                roomVersion: version.id,
                roomID: room.rawValue,
                eventID: event.eventID.rawValue,
                rule: judgement.rule,
                reason: judgement.reason,
                setsOwnEntry: false,
                isOutlier: true,
                pdu: event.pdu.bytes
            ))
    }
}
