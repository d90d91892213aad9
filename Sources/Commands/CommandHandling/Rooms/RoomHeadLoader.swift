import Decisions
import EventLog
import LogEvents
import MatrixEvents
import MatrixIdentifiers
import Queries
import ReadModel
import RoomVersions

/// Loads the head of a room: where it stands from the projections, its PDUs from the log.
struct RoomHeadLoader: Sendable {
    let log: any EventLog
    let rooms: RoomQueries

    /// No room of this id is known here.
    struct UnknownRoom: Error {
        let roomID: RoomID
    }

    /// - Parameter versionOfNew: the version of a room of which nothing is recorded yet, when there may be none.
    func load(_ roomID: RoomID, versionOfNew: RoomVersion? = nil) throws -> RoomHeadState {
        if let versionOfNew, try rooms.head(roomID) == nil {
            return RoomHeadState(
                version: versionOfNew,
                roomID: roomID,
                streamVersion: try log.streamVersion(of: StreamID(kind: .room, name: roomID.rawValue)),
                forwardExtremities: [],
                depth: 0,
                source: Source(roomID: roomID, loader: self)
            )
        }
        guard let row = try rooms.head(roomID), let version = RoomVersion.named(row.roomVersion) else {
            throw UnknownRoom(roomID: roomID)
        }
        return RoomHeadState(
            version: version,
            roomID: roomID,
            streamVersion: row.streamVersion,
            forwardExtremities: row.forwardExtremities.compactMap { EventID($0) },
            depth: row.maxDepth,
            source: Source(roomID: roomID, loader: self)
        )
    }

    /// The event that a client's transaction already made, if any.
    func committedTransaction(_ scope: RoomLane.TransactionScope, room: RoomID) throws -> EventID? {
        try rooms.transaction(
            user: scope.userID,
            deviceID: scope.transaction.deviceID,
            transactionID: scope.transaction.transactionID,
            room: room
        )
    }

    /// The PDU stored at a position.
    func pdu(at position: LogPosition) throws -> HeldPDU {
        guard let record = try log.record(at: position), record.kind == .pduRecorded else {
            throw Rejection(500, "M_UNKNOWN", "The log has no PDU at position \(position); run `engram log verify`.")
        }
        let fact = try PDURecorded(payload: record.payload)
        guard let version = RoomVersion.named(fact.roomVersion), let eventID = EventID(fact.eventID) else {
            throw Rejection(500, "M_UNKNOWN", "The PDU at position \(position) is of an unknown room version.")
        }
        return HeldPDU(pdu: try PDU(parsing: fact.pdu, version: version), eventID: eventID)
    }

    private struct Source: RoomStateSource {
        let roomID: RoomID
        let loader: RoomHeadLoader

        func load(_ entry: StateEntry) throws -> HeldPDU? {
            guard let stored = try loader.rooms.currentState(roomID, type: entry.type, stateKey: entry.stateKey) else {
                return nil
            }
            return try loader.pdu(at: stored.position)
        }

        func load(_ eventID: EventID) throws -> HeldPDU? {
            try loader.rooms.event(eventID).map { try loader.pdu(at: $0.position) }
        }
    }
}
