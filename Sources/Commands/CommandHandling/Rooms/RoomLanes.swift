import Decisions
import EventLog
import MatrixIdentifiers
import RoomVersions
import Synchronization

/// The active rooms' lanes. Bounded: a lane that waits for nothing may be dropped, since it can always be loaded again.
final class RoomLanes: Sendable {
    private let loader: RoomHeadLoader
    private let log: any EventLog
    private let maximum: Int
    private let lanes = Mutex<[RoomID: RoomLane]>([:])

    init(loader: RoomHeadLoader, log: any EventLog, maximum: Int = 2048) {
        self.loader = loader
        self.log = log
        self.maximum = maximum
    }

    /// Decides in the room's lane; when another writer was first, loads the head again and decides again.
    func perform(
        in room: RoomID,
        caller: Caller,
        scope: RoomLane.TransactionScope? = nil,
        versionOfNew: RoomVersion? = nil,
        decide: @Sendable (inout RoomHeadState) throws -> RoomLane.Outcome
    ) async throws -> EventID {
        var attempt = 0
        while true {
            let lane = lane(for: room)
            do {
                return try await lane.perform(caller: caller, scope: scope, versionOfNew: versionOfNew, decide: decide)
            } catch AppendFault.conflict(let stream, let actual) {
                drop(lane, of: room)
                attempt += 1
                guard attempt < 5 else { throw AppendFault.conflict(stream, actual: actual) }
                // The winner's batch may be durable but not yet in the views: give the projections a moment.
                try await Task.sleep(for: .milliseconds(5 << attempt))
            } catch {
                if await lane.isSpent { drop(lane, of: room) }
                throw error
            }
        }
    }

    private func lane(for room: RoomID) -> RoomLane {
        lanes.withLock { lanes in
            if let lane = lanes[room] { return lane }
            // Dropping any lane is safe: one that is still in use fails by stream version and is loaded again.
            if lanes.count >= maximum, let victim = lanes.keys.first { lanes[victim] = nil }
            let lane = RoomLane(roomID: room, loader: loader, log: log)
            lanes[room] = lane
            return lane
        }
    }

    private func drop(_ lane: RoomLane, of room: RoomID) {
        lanes.withLock { lanes in
            if lanes[room] === lane { lanes[room] = nil }
        }
    }
}
