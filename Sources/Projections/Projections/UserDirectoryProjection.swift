import CanonicalJSON
import EventLog
package import KeyValueStore
import LogEvents
package import ProjectionEngine
package import ReadModel
import SearchText

/// Keeps by which words users are found, what is shown of them, and which rooms show their members to everybody.
///
/// Who may see whom is not kept: a room of 10,000 members that becomes public changes one row. Local users are shown with
/// the profile of their account, never with the name that they bear in one room. Of others, only rooms that are open to all
/// tell a name: what somebody is called in a private room is nobody else's business.
package struct UserDirectoryProjection: Projection {
    package let name = "userDirectory"
    package let version: UInt32 = 1
    package let tables: [ViewTable] = [.userDirectoryUsers, .userDirectoryWords, .userDirectoryRooms]

    package init() {}

    package func apply(
        _ record: DecodedRecord, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        switch record.fact {
        case .pdu(let pdu):
            if StateChanges.changesState(pdu) { try apply(pdu, at: record.position, transaction, batch) }
            if let redacts = pdu.redacts, pdu.verdict == .accepted {
                let target = try batch.position(of: redacts, before: record.position, transaction)
                try forget(target, transaction, batch)
            }
        case .erasure(let targets):
            for target in targets { try forget(target, transaction, batch) }
        case .accountRegistered(let fact):
            try update(batch.user(fact.userID, transaction), transaction, batch) {
                $0 = DirectoryUserRow(flags: .local)
            }
        case .accountDeactivated(let fact):
            try update(batch.user(fact.userID, transaction), transaction, batch) { row in
                row.flags.insert(.deactivated)
                row.displayName = nil
                row.avatarURL = nil
            }
        case .profileFieldSet(let fact):
            let text = fact.value?.stringValue.flatMap { $0.isEmpty ? nil : $0 }
            let isName = fact.field.hasSameBytes(as: "displayname")
            guard isName || fact.field.hasSameBytes(as: "avatar_url") else { return }
            try update(batch.user(fact.userID, transaction), transaction, batch) { row in
                guard row.isLocal, !row.isDeactivated else { return }
                if isName { row.displayName = text } else { row.avatarURL = text }
            }
        default: return
        }
    }

    // MARK: Rooms

    private func apply(
        _ pdu: DecodedPDU, at position: LogPosition, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        let concernsRoom =
            pdu.type.hasSameBytes(as: "m.room.join_rules") || pdu.type.hasSameBytes(as: "m.room.history_visibility")
        guard pdu.isMember || concernsRoom || !pdu.stateDelta.isEmpty else { return }
        let room = try batch.numbers(of: pdu, transaction).room
        let key = ViewKeys.room(room)
        let stored = try transaction.get(batch.tables.userDirectoryRooms, key) { try DirectoryRoomRow(reading: $0) }
        var row = stored ?? DirectoryRoomRow()
        // Whether the room is open comes first: a record that tells of a whole room tells of its members too.
        for entry in try StateChanges.entries(pdu, at: position, transaction, batch) where entry.stateKey.isEmpty {
            try applyOpenness(entry, to: &row.flags, transaction, batch)
        }
        for member in try StateChanges.members(pdu, at: position, transaction, batch) {
            try apply(member, at: position, in: room, &row, transaction, batch)
        }
        if row != stored ?? DirectoryRoomRow() {
            try transaction.put(batch.tables.userDirectoryRooms, key, row.encoded())
        }
    }

    private func applyOpenness(
        _ entry: StateChanges.Entry, to flags: inout DirectoryRoomRow.Flags,
        _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        let (flag, field, value): (DirectoryRoomRow.Flags, String, String)
        if entry.type.hasSameBytes(as: "m.room.join_rules") {
            (flag, field, value) = (.publicJoins, "join_rule", "public")
        } else if entry.type.hasSameBytes(as: "m.room.history_visibility") {
            (flag, field, value) = (.worldReadable, "history_visibility", "world_readable")
        } else {
            return
        }
        flags.remove(flag)
        guard entry.holder != LogPosition.none, let row = try transaction.eventRow(batch.tables, entry.holder),
            let event = try JSONObject.parse(Array(row.clientJSON) + [UInt8(ascii: "}")], limits: .stored)
        else { return }
        if event["content"]?[field]?.stringValue?.hasSameBytes(as: value) == true { flags.insert(flag) }
    }

    private func apply(
        _ member: StateChanges.Member, at position: LogPosition, in room: RoomNum, _ roomRow: inout DirectoryRoomRow,
        _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        let user = try batch.user(member.userID, transaction)
        let known = try row(of: user, transaction, batch)
        if known?.isLocal == true {
            let slot = try batch.slot(type: "m.room.member", stateKey: member.userID, transaction)
            let holder = try batch.stateHolder(room, slot, before: position, transaction)
            let before = holder == LogPosition.none ? nil : try transaction.eventRow(batch.tables, holder)?.membership
            if member.membership == .join, before != .join { roomRow.localMembers &+= 1 }
            if member.membership != .join, before == .join, roomRow.localMembers > 0 { roomRow.localMembers &-= 1 }
        } else if member.membership == .join {
            let profile = roomRow.isPublic ? try JSONObject.parse(member.profileJSON, limits: .stored) : nil
            if profile == nil, known != nil { return }
            try update(user, transaction, batch) { row in
                guard let profile else { return }
                row.source = member.position
                row.displayName = profile["display_name"]?.stringValue.flatMap { $0.isEmpty ? nil : $0 }
                row.avatarURL = profile["avatar_url"]?.stringValue.flatMap { $0.isEmpty ? nil : $0 }
            }
        }
    }

    /// A redacted or erased member event tells no name any longer.
    private func forget(
        _ target: LogPosition, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        guard target != LogPosition.none, let event = try transaction.eventRow(batch.tables, target),
            event.membership != .none, let slot = try transaction.slotName(batch.tables, event.slot)
        else { return }
        let user = try batch.user(slot.stateKey, transaction)
        guard let known = try row(of: user, transaction, batch), known.source == event.holder(at: target) else {
            return
        }
        try update(user, transaction, batch) { row in
            row.displayName = nil
            row.avatarURL = nil
        }
    }

    // MARK: Users

    private func row(
        of user: UserNum, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws -> DirectoryUserRow? {
        try transaction.get(batch.tables.userDirectoryUsers, ViewKeys.user(user)) { try DirectoryUserRow(reading: $0) }
    }

    /// Changes a user's row, and the words by which they are found.
    private func update(
        _ user: UserNum, _ transaction: borrowing WriteTransaction, _ batch: BatchContext,
        _ change: (inout DirectoryUserRow) -> Void
    ) throws {
        let old = try row(of: user, transaction, batch)
        var new = old ?? DirectoryUserRow()
        change(&new)
        if new == old { return }
        try transaction.put(batch.tables.userDirectoryUsers, ViewKeys.user(user), new.encoded())
        guard let userID = try transaction.userID(batch.tables, user) else {
            throw BatchFault.unknownName(user.description)
        }
        let wordsBefore = old.map { DirectoryWords.all(userID: userID, $0) } ?? []
        let wordsAfter = DirectoryWords.all(userID: userID, new)
        for word in wordsBefore.subtracting(wordsAfter) {
            try transaction.delete(batch.tables.userDirectoryWords, ViewKeys.directoryWord(word, user))
        }
        for word in wordsAfter.subtracting(wordsBefore).sorted(by: { $0.lexicographicallyPrecedes($1) }) {
            try transaction.put(batch.tables.userDirectoryWords, ViewKeys.directoryWord(word, user), StoreKey())
        }
    }
}

extension DirectoryUserRow {
    fileprivate init(flags: Flags) {
        self.init()
        self.flags = flags
    }
}
