import CanonicalJSON
package import CommandHandling
import InboundPDU
import MatrixEvents
package import MatrixIdentifiers
package import Queries
import RoomVersions

/// Fetches what happened in rooms before anybody here was in them, or while nobody was.
package struct RemoteHistory: Sendable {
    private let own: ServerName
    private let rooms: RoomCommands
    private let receipt: RemoteReceipt
    private let census: ServerCensus
    private let turns = KeyedTurns()

    /// So many events are asked for at a time: more than most pages of clients have.
    private static let atOnce = 100
    /// So many servers are asked, one after the other.
    private static let mostServers = 3
    /// So many events are followed back at a time; a room with more ends is met again at the next page.
    package static let mostMissing = 10

    package init(
        environment: CommandEnvironment, rooms: RoomCommands, remotes: any RemoteServers,
        signatures: any EventSignatures, census: ServerCensus
    ) {
        own = environment.serverName
        self.rooms = rooms
        self.census = census
        receipt = RemoteReceipt(environment: environment, rooms: rooms, remotes: remotes, signatures: signatures)
    }

    /// Asks servers of the room for events that are missing, and for what precedes them.
    ///
    /// - Returns: whether something is known now that was not before; when that is durable and readable.
    /// - Throws: `AppendFault` and what reading throws; not what other servers do.
    package func fetch(_ missing: [EventID], in room: RoomID, requestID: String) async throws -> Bool {
        guard !missing.isEmpty, let version = try receipt.version(of: room) else { return false }
        // Two clients that read the same past ask once.
        return try await turns.run(room.rawValue) {
            let wanted = try missing.filter { try receipt.queries.eventPosition($0) == nil }
            if wanted.isEmpty { return true }
            for server in try census.joinedServers(of: room).filter({ $0 != own }).prefix(Self.mostServers) {
                let delivery = RemoteReceipt.Delivery(
                    room: room, version: version, origin: server, requestID: requestID)
                do {
                    if try await fetch(wanted, delivery) { return true }
                } catch is RemoteFault {
                    continue
                } catch is AdoptionFault {
                    continue
                }
            }
            return false
        }
    }

    private func fetch(_ wanted: [EventID], _ delivery: RemoteReceipt.Delivery) async throws -> Bool {
        let objects = try await receipt.remote.backfill(
            in: delivery.room, from: wanted, limit: Self.atOnce, of: delivery.origin)
        let prepared = try await receipt.preparation.prepare(
            objects, room: delivery.room, version: delivery.version)
        let events = prepared.compactMap { try? $0.get() }
        let given = Set(events.map(\.eventID))
        var stateBefore: [EventID: [EventID]] = [:]
        for event in events {
            // The earliest of what came: what they follow is not here either, so their state is.
            let isEarliest = try event.pdu.prevEvents.contains { previous in
                try !given.contains(previous) && receipt.queries.eventPosition(previous) == nil
            }
            guard isEarliest, stateBefore.count < Self.mostMissing else { continue }
            stateBefore[event.eventID] = try await receipt.givenState(before: event.eventID, delivery)
        }
        let result = try await rooms.backfill(
            events, stateBefore: stateBefore, room: delivery.room, from: delivery.origin,
            requestID: delivery.requestID, pipeline: receipt.pipeline)
        return !result.recorded.isEmpty
    }
}
