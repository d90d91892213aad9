import Decisions
import EventLog
import InboundPDU
import LogEvents
import MatrixEvents
import MatrixIdentifiers
import ReadModel
import RoomVersions

extension RoomCommands {
    /// "prev_events … Must contain less than or equal to 20 events": servers name at most 10 of their forward extremities.
    static let mostPredecessors = 10

    /// Reads a room's graph; nil when nothing of the room is recorded.
    func withGraph<R>(of room: RoomID, _ body: (ViewRoomGraph?) throws -> R) throws -> R {
        try environment.views.read { transaction, tables in
            try body(
                try ViewRoomGraph(transaction, tables, environment.views, room: room) { [environment] position in
                    try environment.log.record(at: position)
                })
        }
    }

    /// Checks that the views have all that the lane has decided on.
    func requireSame(_ head: RoomHeadState, as graph: ViewRoomGraph?) throws {
        guard let graph, graph.streamVersion != head.streamVersion else { return }
        // Another lane was first: the lanes load the head again.
        throw AppendFault.conflict(StreamID(kind: .room, name: head.roomID.rawValue), actual: graph.streamVersion)
    }

    /// Decides on the head, or, when it has more forward extremities than an event may name, on the state that some of them
    /// make.
    func decideOnBoundedHead(
        _ head: inout RoomHeadState, _ decide: (inout RoomHeadState) throws -> RoomLane.Outcome
    ) throws -> RoomLane.Outcome {
        guard head.forwardExtremities.count > Self.mostPredecessors else { return try decide(&head) }
        guard head.isSettled else { throw NeedsSettledRoom() }
        let room = head.roomID
        return try withGraph(of: room) { graph in
            try requireSame(head, as: graph)
            guard let graph else { throw RoomHeadLoader.UnknownRoom(roomID: room) }
            // The deepest of them, those of one depth by their ids.
            var byDepth: [(depth: Int64, eventID: EventID)] = []
            for eventID in head.forwardExtremities {
                byDepth.append((try graph.held(eventID)?.pdu.depth ?? 0, eventID))
            }
            byDepth.sort {
                $0.depth != $1.depth
                    ? $0.depth > $1.depth : $0.eventID.rawValue.utf8.lexicographicallyPrecedes($1.eventID.rawValue.utf8)
            }
            let chosen = byDepth.prefix(Self.mostPredecessors).map(\.eventID)
            let advance = HeadAdvance(graph: graph, version: head.version)
            let before = try advance.stateBefore(after: chosen)
            var branch = RoomHeadState(
                version: head.version,
                roomID: room,
                streamVersion: head.streamVersion,
                forwardExtremities: chosen,
                depth: head.depth,
                source: BranchSource(graph: graph, state: before.state)
            )
            var outcome = try decide(&branch)
            guard outcome.facts.count <= 1 else {
                throw Rejection(500, "M_UNKNOWN", "The room has too many forward extremities for this; try again.")
            }
            guard let fact = outcome.facts.first else { return outcome }
            let event = HeldPDU(pdu: try PDU(parsing: fact.pdu, version: head.version), eventID: outcome.eventID)
            let placement = try advance.placement(
                of: event, before: before.state, after: head.forwardExtremities)
            outcome.facts = [
                PDURecorded(
                    verdict: fact.verdict,
                    roomVersion: fact.roomVersion,
                    roomID: fact.roomID,
                    eventID: fact.eventID,
                    setsOwnEntry: placement.setsOwnEntry,
                    sentBy: fact.sentBy,
                    redacts: fact.redacts,
                    stateDelta: placement.changes.map {
                        PDURecorded.StateChange(
                            type: $0.entry.type, stateKey: $0.entry.stateKey, eventID: $0.holder?.rawValue)
                    },
                    stateBefore: try advance.named(before, of: event),
                    pdu: fact.pdu
                )
            ]
            head.place(event, placement)
            return outcome
        }
    }

    /// One state of the graph, for a head that stands beside the room's.
    private struct BranchSource: RoomStateSource {
        let graph: ViewRoomGraph
        let state: GraphState

        func load(_ entry: StateEntry) throws -> HeldPDU? { try graph.held(entry.type, entry.stateKey, in: state) }
        func load(_ eventID: EventID) throws -> HeldPDU? { try graph.held(eventID) }
    }
}
