import EventLog
package import KeyValueStore
import LogEvents
package import ProjectionEngine
package import ReadModel

/// Keeps for each user the rooms in which they are or were, and between which records.
package struct MembershipsProjection: Projection {
    package let name = "memberships"
    package let version: UInt32 = 1
    package let tables: [ViewTable] = [.membershipsByUser]

    package init() {}

    package func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        switch record.fact {
        case .pdu(let pdu):
            for member in try StateChanges.members(pdu, at: record.position, transaction, batch) {
                let room = try batch.numbers(of: pdu, transaction).room
                try apply(member, in: room, at: record.position, transaction, batch)
            }
        case .outsideMembership(let outside):
            let fact = outside.fact
            let member = StateChanges.Member(
                userID: fact.userID, membership: outside.pdu.membership, position: record.position,
                profileJSON: [])
            let room = try batch.room(fact.roomID, transaction)
            try apply(member, in: room, at: record.position, transaction, batch)
            batch.touched.rooms.insert(room)
        case .roomForgotten(let fact):
            let user = try batch.user(fact.userID, transaction)
            let room = try batch.room(fact.roomID, transaction)
            try update(user, room, transaction, batch) { $0.isForgotten = true }
        default: return
        }
    }

    private func apply(
        _ member: StateChanges.Member, in room: RoomNum, at position: LogPosition,
        _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        let user = try batch.user(member.userID, transaction)
        try update(user, room, transaction, batch) { row in
            let before = row.membership
            row.previous = before
            row.membership = member.membership
            row.position = member.position == LogPosition.none ? position : member.position
            if member.membership == .join, before != .join {
                row.joinedAt = position
                row.leftAt = .none
            } else if member.membership != .join, before == .join {
                row.leftAt = position
            }
            switch member.membership {
            case .join, .invite, .knock: row.isForgotten = false
            case .leave, .ban, .none: break
            }
        }
    }

    private func update(
        _ user: UserNum, _ room: RoomNum, _ transaction: borrowing WriteTransaction, _ batch: BatchContext,
        _ change: (inout MembershipRow) -> Void
    ) throws {
        let key = ViewKeys.membership(user, room)
        var row =
            try transaction.get(batch.tables.membershipsByUser, key) { try MembershipRow(reading: $0) }
            ?? MembershipRow()
        change(&row)
        try transaction.put(batch.tables.membershipsByUser, key, row.encoded())
        batch.touched.users.insert(user)
    }
}
