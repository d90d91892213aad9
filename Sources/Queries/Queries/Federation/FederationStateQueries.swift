import CanonicalJSON
package import EventLog
import KeyValueStore
import MatrixEvents
package import MatrixIdentifiers
package import ReadModel

/// The state of rooms with its auth chain, as other servers ask for it. Nothing is built as a tree: places in the log are
/// gathered from one snapshot, and the PDUs are copied from there to the answer.
package struct FederationStateQueries: Sendable {
    private let views: Views
    private let reader: PDUReader
    private let admission: ServerAdmission

    package init(views: Views, log: any EventLog, admission: ServerAdmission) {
        self.views = views
        self.admission = admission
        reader = PDUReader(log: log)
    }

    // MARK: GET /state and /state_ids

    /// "The fully resolved state for the room, prior to considering any state changes induced by the requested event.
    /// Includes the authorisation chain for the events."
    ///
    /// - Returns: the answer in pieces.
    package func state(_ room: RoomID, at eventID: EventID, for server: ServerName) throws -> [[UInt8]] {
        let (state, chain) = try views.snapshot { snapshot in
            let (holders, chain) = try stateBefore(eventID, room, server, snapshot)
            return (try snapshot.places(of: holders), try snapshot.places(of: chain))
        }
        var chunks = AnswerChunks()
        chunks.append("{\"auth_chain\":[")
        try reader.append(chain, to: &chunks)
        chunks.append("],\"pdus\":[")
        try reader.append(state, to: &chunks)
        chunks.append("]}")
        return chunks.chunks
    }

    /// "This performs the same function as calling `/state/{roomId}`, however this returns just the event IDs".
    package func stateIDs(_ room: RoomID, at eventID: EventID, for server: ServerName) throws -> [[UInt8]] {
        try views.snapshot { snapshot in
            let (holders, chain) = try stateBefore(eventID, room, server, snapshot)
            var chunks = AnswerChunks()
            chunks.append("{\"auth_chain_ids\":[")
            try snapshot.appendIDs(of: chain, to: &chunks)
            chunks.append("],\"pdu_ids\":[")
            try snapshot.appendIDs(of: holders, to: &chunks)
            chunks.append("]}")
            return chunks.chunks
        }
    }

    private func stateBefore(
        _ eventID: EventID, _ roomID: RoomID, _ server: ServerName, _ snapshot: Snapshot
    ) throws -> (holders: [LogPosition], chain: [LogPosition]) {
        var admitted = try admission.admit(server, to: roomID, snapshot)
        let (event, position) = try snapshot.event(eventID, in: admitted.room)
        try admitted.sight.requireSight(of: event, at: position)
        // "the server doesn't know about the state at that event to return anything useful."
        guard !event.flags.contains(.outlier) else { throw QueryRefusal.unknownEvent }
        let holders = try snapshot.holders(of: admitted.room, before: position)
        var chain = AuthChain(snapshot, room: admitted.room)
        for holder in holders { try chain.add(chainOf: holder) }
        return (holders, chain.positions)
    }

    // MARK: GET /event_auth

    /// "The PDUs forming the auth chain of the given event."
    package func authChain(_ room: RoomID, of eventID: EventID, for server: ServerName) throws -> [[UInt8]] {
        let chain = try views.snapshot { snapshot in
            var admitted = try admission.admit(server, to: room, snapshot)
            let (event, position) = try snapshot.event(eventID, in: admitted.room)
            try admitted.sight.requireSight(of: event, at: position)
            return try snapshot.places(of: try authChain(of: event, at: position, admitted.room, snapshot).positions)
        }
        var chunks = AnswerChunks()
        chunks.append("{\"auth_chain\":[")
        try reader.append(chain, to: &chunks)
        chunks.append("]}")
        return chunks.chunks
    }

    private func authChain(
        of event: EventRow, at position: LogPosition, _ room: RoomNum, _ snapshot: Snapshot
    ) throws -> AuthChain {
        var chain = AuthChain(snapshot, room: room)
        if event.isState {
            try chain.add(chainOf: position)
        } else if let pdu = try reader.pdu(at: position) {
            // The auth index keeps state events only.
            try chain.add(pdu)
        }
        return chain
    }

    // MARK: PUT /send_join

    /// The answer to a join that was recorded: "The resolved current room state prior to the join event", and its auth chain.
    ///
    /// - Parameter omitsMembers: "that calling server can accept a reduced response, in which membership events are omitted
    ///   from `state` and redundant events are omitted from `auth_chain`."
    package func answer(
        toJoin eventID: EventID, of room: RoomID, omitsMembers: Bool, origin: ServerName
    ) throws -> [[UInt8]] {
        let parts = try views.snapshot { snapshot in
            guard let room = try snapshot.number(of: room) else { throw QueryRefusal.unknownRoom }
            let (event, position) = try snapshot.event(eventID, in: room)
            let holders = try snapshot.holders(of: room, before: position)
            return try JoinAnswer(
                snapshot, room: room, join: event, at: position, state: holders, omitsMembers: omitsMembers)
        }
        var chunks = AnswerChunks()
        chunks.append("{\"auth_chain\":[")
        try reader.append(parts.chain, to: &chunks)
        chunks.append("],\"event\":")
        try reader.append([parts.join], to: &chunks)
        chunks.append(",\"members_omitted\":")
        chunks.append(omitsMembers ? "true" : "false")
        chunks.append(",\"origin\":")
        chunks.append(JSONValue.string(origin.rawValue).canonicalBytes())
        if omitsMembers {
            // "**Required** if `members_omitted` is true."
            chunks.append(",\"servers_in_room\":")
            chunks.append(JSONValue.array(parts.servers.map { .string($0.rawValue) }).canonicalBytes())
        }
        chunks.append(",\"state\":[")
        try reader.append(parts.state, to: &chunks)
        chunks.append("]}")
        return chunks.chunks
    }

    // MARK: Stripped state

    /// The state that helps to identify a room, as PDUs: "All events listed MUST additionally be formatted according to the
    /// room version specification."
    package func identifyingState(of room: RoomID) throws -> [[UInt8]] {
        let places = try views.snapshot { snapshot -> [PDUReader.Place] in
            guard let room = try snapshot.number(of: room) else { return [] }
            let holders = try Self.identifyingTypes.compactMap { try snapshot.currentHolder(room, $0) }
            return try snapshot.places(of: holders)
        }
        return try places.compactMap { try reader.bytes(at: $0) }
    }

    /// "Stripped state should contain some or all of the following state events".
    private static let identifyingTypes = [
        "m.room.create", "m.room.name", "m.room.avatar", "m.room.topic", "m.room.join_rules", "m.room.canonical_alias",
        "m.room.encryption",
    ]
}

extension ServerSight {
    /// Refuses a server that is not in the room and may not see the event either.
    mutating func requireSight(of event: EventRow, at position: LogPosition) throws {
        if isInRoom { return }
        guard try isVisible(event, at: position) else { throw QueryRefusal.serverNotInRoom }
    }
}

extension Snapshot {
    /// A recorded event of a room; where it was recorded last counts.
    func event(_ eventID: EventID, in room: RoomNum) throws -> (EventRow, LogPosition) {
        guard let position = try eventPosition(tables, eventID.rawValue) else { throw QueryRefusal.unknownEvent }
        let row = try event(at: position)
        guard row.room == room else { throw QueryRefusal.unknownEvent }
        return (row, position)
    }

    /// The events that hold the state before an event, in log order.
    func holders(of room: RoomNum, before position: LogPosition) throws -> [LogPosition] {
        try entries(tables, try snapshot(tables, room, before: position)).values.sorted()
    }

    func places(of positions: [LogPosition]) throws -> [PDUReader.Place] {
        try positions.map { PDUReader.Place(try event(at: $0), at: $0) }
    }

    fileprivate func appendIDs(of positions: [LogPosition], to chunks: inout AnswerChunks) throws {
        for (index, position) in positions.enumerated() {
            // The row has it as JSON.
            let eventID = try event(at: position).eventIDSlice
            chunks.append(index == 0 ? [UInt8(ascii: "\"")] : [UInt8(ascii: ","), UInt8(ascii: "\"")])
            chunks.append(Array(eventID))
            chunks.append("\"")
        }
    }
}
