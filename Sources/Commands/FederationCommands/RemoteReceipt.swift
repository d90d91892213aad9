package import CanonicalJSON
package import CommandHandling
import Decisions
import InboundPDU
import LogEvents
import MatrixEvents
package import MatrixIdentifiers
import Queries
import ReadModel
package import RoomVersions

/// Receives PDUs of rooms that this server is in, and fetches what they rest on.
package struct RemoteReceipt: Sendable {
    let rooms: RoomCommands
    let remote: RemoteRooms
    let preparation: PDUPreparation
    let queries: RoomQueries
    private let turns = KeyedTurns()
    /// The signatures were checked when a PDU was prepared.
    let pipeline = ReceiptPipeline { _, _ in .valid }

    /// So many events are asked for at a time, and so often for one event; then the state is taken from the other server.
    private static let missingAtOnce = 20
    private static let missingRounds = 10

    package init(
        environment: CommandEnvironment, rooms: RoomCommands, remotes: any RemoteServers,
        signatures: any EventSignatures
    ) {
        self.rooms = rooms
        remote = RemoteRooms(remotes: remotes)
        preparation = PDUPreparation(signatures: signatures)
        queries = RoomQueries(views: environment.views)
    }

    /// A room's version; nil for one that is not known here.
    package func version(of room: RoomID) throws -> RoomVersion? {
        try queries.head(room).flatMap { RoomVersion.named($0.roomVersion) }
    }

    /// Receives one PDU.
    ///
    /// - Returns: why it was not taken; nil when it is recorded, whatever the verdict, and durable.
    /// - Throws: `AppendFault` and what reading throws; not what other servers do.
    package func receive(
        _ object: JSONObject, of room: RoomID, _ version: RoomVersion, from origin: ServerName, requestID: String
    ) async throws -> String? {
        let received: ReceivedPDU
        do {
            received = try await preparation.prepare(object, room: room, version: version)
        } catch let dropped as DroppedPDU {
            return "The event is not valid: \(dropped.reason)."
        }
        let delivery = Delivery(room: room, version: version, origin: origin, requestID: requestID)
        let result = try await receive(received, delivery)
        guard case .missing = result else { return Self.error(of: result) }
        // What is missing for one event of a room is mostly missing for the next too: it is fetched once.
        return try await turns.run(room.rawValue) {
            do {
                return Self.error(of: try await receiveFetching(received, delivery))
            } catch let fault as RemoteFault {
                return "What the event follows could not be had: \(fault)."
            } catch let fault as AdoptionFault {
                return "What the event follows is not valid: \(fault)."
            }
        }
    }

    /// Where PDUs came from and belong.
    struct Delivery {
        let room: RoomID
        let version: RoomVersion
        let origin: ServerName
        let requestID: String
    }

    private static func error(of result: ReceiptResult) -> String? {
        switch result {
        case .recorded(.rejected, _): "The rules of the room forbid the event."
        case .recorded: nil
        case .missing: "The event follows events that could not be had."
        }
    }

    private func receive(
        _ event: ReceivedPDU, _ delivery: Delivery, stateBefore: [EventID]? = nil
    ) async throws -> ReceiptResult {
        try await rooms.receive(
            event, room: delivery.room, from: delivery.origin, requestID: delivery.requestID, pipeline: pipeline,
            past: PastPlace(stateBefore: stateBefore))
    }

    // MARK: What is missing

    private func receiveFetching(_ event: ReceivedPDU, _ delivery: Delivery) async throws -> ReceiptResult {
        // Somebody else may have fetched it meanwhile.
        var result = try await receive(event, delivery)
        guard case .missing(let previous, let auth) = result else { return result }
        if !auth.isEmpty { try await fetchAuthChain(of: event, delivery) }
        if !previous.isEmpty {
            for earlier in try await eventsBefore(event, delivery) {
                try await receiveEarlier(earlier, delivery)
            }
        }
        result = try await receive(event, delivery)
        guard case .missing(let previous, _) = result, !previous.isEmpty else { return result }
        return try await receiveOnGivenState(event, delivery)
    }

    /// One of the events that another follows: with its state as it is known, or else as the other server says.
    private func receiveEarlier(_ event: ReceivedPDU, _ delivery: Delivery) async throws {
        guard case .missing(let previous, let auth) = try await receive(event, delivery) else { return }
        if !auth.isEmpty { try await fetchAuthChain(of: event, delivery) }
        if previous.isEmpty {
            _ = try await receive(event, delivery)
        } else {
            _ = try await receiveOnGivenState(event, delivery)
        }
    }

    /// The events between what is known and an event, the earliest first.
    ///
    /// "a server may not have all the events in the graph. That server may use the `/get_missing_events` API to acquire the
    /// events it is missing."
    private func eventsBefore(_ event: ReceivedPDU, _ delivery: Delivery) async throws -> [ReceivedPDU] {
        let earliest = try queries.head(delivery.room)?.forwardExtremities.compactMap { EventID($0) } ?? []
        var found: [EventID: ReceivedPDU] = [:]
        var latest = [event.eventID]
        for _ in 0..<Self.missingRounds {
            let objects: [JSONObject]
            do {
                objects = try await remote.missingEvents(
                    in: delivery.room, earliest: earliest, latest: latest, limit: Self.missingAtOnce,
                    minimumDepth: 0, from: delivery.origin)
            } catch is RemoteFault {
                // The state of what is left is asked for.
                break
            }
            var isNew = false
            for prepared in try await preparation.prepare(objects, room: delivery.room, version: delivery.version) {
                guard case .success(let earlier) = prepared, earlier.eventID != event.eventID,
                    found.updateValue(earlier, forKey: earlier.eventID) == nil
                else { continue }
                isNew = true
            }
            latest = try found.values.filter { earlier in
                try earlier.pdu.prevEvents.contains { try found[$0] == nil && queries.eventPosition($0) == nil }
            }.map(\.eventID)
            if !isNew || latest.isEmpty { break }
        }
        return GraphOrder.sorted(Array(found.values))
    }

    /// Receives an event on the state that its sender says was before it.
    private func receiveOnGivenState(_ event: ReceivedPDU, _ delivery: Delivery) async throws -> ReceiptResult {
        let state = try await givenState(before: event.eventID, delivery)
        return try await receive(event, delivery, stateBefore: state)
    }

    /// The events that hold the state before an event, as another server says; those that were not known are recorded.
    func givenState(before event: EventID, _ delivery: Delivery) async throws -> [EventID] {
        let ids = try await remote.stateIDs(at: event, in: delivery.room, from: delivery.origin)
        let unknown = try (ids.authChain + ids.state).filter { try queries.eventPosition($0) == nil }
        try await record(Array(Set(unknown)), at: event, delivery)
        return ids.state
    }

    /// So many events are fetched one by one; more come with the whole state.
    private static let mostSingly = 50

    /// Fetches events of a state and records them without their place.
    private func record(_ unknown: [EventID], at event: EventID, _ delivery: Delivery) async throws {
        guard !unknown.isEmpty else { return }
        var objects: [JSONObject] = []
        if unknown.count <= Self.mostSingly {
            for eventID in unknown {
                if let object = try await remote.event(eventID, from: delivery.origin) { objects.append(object) }
            }
        } else {
            let whole = try await remote.state(at: event, in: delivery.room, from: delivery.origin)
            objects = whole.authChain + whole.state
        }
        try await recordOutliers(objects, delivery)
    }

    private func fetchAuthChain(of event: ReceivedPDU, _ delivery: Delivery) async throws {
        let objects = try await remote.authChain(of: event.eventID, in: delivery.room, from: delivery.origin)
        try await recordOutliers(objects, delivery)
    }

    private func recordOutliers(_ objects: [JSONObject], _ delivery: Delivery) async throws {
        let prepared = try await preparation.prepare(objects, room: delivery.room, version: delivery.version)
        var unknown: [ReceivedPDU] = []
        for case .success(let event) in prepared where try queries.eventPosition(event.eventID) == nil {
            unknown.append(event)
        }
        try await rooms.recordOutliers(
            unknown, room: delivery.room, version: delivery.version, from: delivery.origin,
            requestID: delivery.requestID)
    }
}
