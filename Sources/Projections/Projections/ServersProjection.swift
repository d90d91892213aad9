import EventLog
package import KeyValueStore
package import ProjectionEngine
package import ReadModel

/// Keeps which servers have joined members in which rooms, and since when: who is told of an event follows from it without
/// looking at the room's members.
package struct ServersProjection: Projection {
    package let name = "servers"
    package let version: UInt32 = 1
    package let tables: [ViewTable] = [.serversInRooms, .serversRooms]

    package init() {}

    package func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        guard case .pdu(let pdu) = record.fact, pdu.isMember || !pdu.stateDelta.isEmpty else { return }
        let members = try StateChanges.members(pdu, at: record.position, transaction, batch)
        if members.isEmpty { return }
        let room = try batch.numbers(of: pdu, transaction).room
        // A member event in force may be named twice, as its own and by the resolution; the last one counts.
        var memberships: [[UInt8]: StoredMembership] = [:]
        for member in members { memberships[Array(member.userID.utf8)] = member.membership }
        var changes: [[UInt8]: Int64] = [:]
        for (user, membership) in memberships {
            guard let colon = user.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let slot = try batch.slot(
                type: "m.room.member", stateKey: String(decoding: user, as: UTF8.self), transaction)
            let holder = try batch.stateHolder(room, slot, before: record.position, transaction)
            let old = holder == .none ? nil : try transaction.eventRow(batch.tables, holder)
            let change: Int64 = (membership == .join ? 1 : 0) - (old?.membership == .join ? 1 : 0)
            if change != 0 { changes[Array(user[(colon + 1)...]), default: 0] += change }
        }
        var cameOrWent = false
        for (server, change) in changes where change != 0 {
            if try count(change, of: server, in: room, at: record.position, transaction, batch) { cameOrWent = true }
        }
        if cameOrWent {
            try transaction.put(
                batch.tables.serversInRooms, ViewKeys.room(room), StoreKey(record.position.rawValue))
        }
    }

    private func count(
        _ change: Int64, of server: [UInt8], in room: RoomNum, at position: LogPosition,
        _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws -> Bool {
        // A state key may be any text; what is longer is no server's name.
        guard (1...255).contains(server.count) else { return false }
        let key = ViewKeys.serverInRoom(room, server)
        var row =
            try transaction.get(batch.tables.serversInRooms, key) { try RoomServerRow(reading: $0) } ?? RoomServerRow()
        let cameOrWent = row.add(change, at: position)
        try transaction.put(batch.tables.serversInRooms, key, row.encoded())
        guard cameOrWent else { return false }
        let reverse = ViewKeys.roomOfServer(server, room)
        if row.joined > 0 {
            try transaction.put(batch.tables.serversRooms, reverse, StoreKey())
        } else {
            try transaction.delete(batch.tables.serversRooms, reverse)
        }
        return true
    }
}
