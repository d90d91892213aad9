import EventLog
import MatrixIdentifiers
import ReadModel

/// What a server that joins a room is told, as places in the log.
struct JoinAnswer {
    private(set) var state: [PDUReader.Place] = []
    private(set) var chain: [PDUReader.Place] = []
    let join: PDUReader.Place
    /// "A list of the servers active in the room (ie, those with joined members) before the join." Only with members omitted.
    private(set) var servers: [ServerName] = []

    init(
        _ snapshot: Snapshot, room: RoomNum, join: EventRow, at position: LogPosition, state holders: [LogPosition],
        omitsMembers: Bool
    ) throws {
        self.join = PDUReader.Place(join, at: position)
        var told = holders
        if omitsMembers {
            told = []
            var counted: Set<ServerName> = []
            var members: [(position: LogPosition, membership: StoredMembership)] = []
            for holder in holders {
                let event = try snapshot.event(at: holder)
                guard event.membership != .none else {
                    told.append(holder)
                    continue
                }
                members.append((holder, event.membership))
                guard event.membership == .join,
                    let key = ClientEventSlices(event.clientJSON).stateKey,
                    let user = UserID(ClientEventSlices.text(key))
                else { continue }
                if counted.insert(user.serverName).inserted { servers.append(user.serverName) }
            }
            if try !Self.isNamed(told, snapshot) { told += Self.heroes(members) }
        }
        var chain = AuthChain(snapshot, room: room)
        // "All events in the auth chain for the new join event, as well as those in the auth chains for any events returned
        // in `state`."
        for holder in told { try chain.add(chainOf: holder) }
        try chain.add(chainOf: position)
        var positions = chain.positions
        if omitsMembers {
            // "any events that are returned in `state` may be omitted from `auth_chain`"
            let redundant = Set(try told.map { try chain.original(of: $0) })
            positions.removeAll { redundant.contains($0) }
        }
        self.state = try snapshot.places(of: told)
        self.chain = try snapshot.places(of: positions)
    }

    /// "If the room to be joined has no `m.room.name` nor `m.room.canonical_alias` events in its current state, the resident
    /// server should determine the room members who would be included in the `m.heroes` property of the room summary".
    private static func isNamed(_ state: [LogPosition], _ snapshot: Snapshot) throws -> Bool {
        try state.contains { position in
            let event = try snapshot.event(at: position)
            return event.hasType("m.room.name") || event.hasType("m.room.canonical_alias")
        }
    }

    /// "the first 5 members of the room, ordered by stream ordering, which are joined or invited. … When no joined or invited
    /// members are available, this should consist of the banned and left users."
    private static func heroes(
        _ members: [(position: LogPosition, membership: StoredMembership)]
    ) -> [LogPosition] {
        let present = members.filter { $0.membership == .join || $0.membership == .invite }
        let gone = members.filter { $0.membership == .leave || $0.membership == .ban }
        return (present.isEmpty ? gone : present).map(\.position).sorted().prefix(5).map { $0 }
    }
}
