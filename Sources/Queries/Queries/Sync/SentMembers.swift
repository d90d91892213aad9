import ReadModel
import Synchronization

/// Which member events each device has been sent already, so that lazy loading does not repeat them.
///
/// An entry counts only once the device comes back with the token of the answer that carried it: an answer lost on the way
/// is no answer. The record is bounded; what it forgets is sent again, which the specification allows.
final class SentMembers: Sendable {
    struct Device: Hashable, Sendable {
        let user: UserNum
        let deviceID: String
    }

    fileprivate struct Member: Hashable {
        let room: RoomNum
        let user: UserNum
    }

    fileprivate struct Record {
        /// The token position of the answer that carried the member.
        var members: [Member: UInt64] = [:]
        var lastUse: UInt64 = 0
    }

    fileprivate struct Board {
        var devices: [Device: Record] = [:]
        var uses: UInt64 = 0
    }

    private let board = Mutex(Board())
    private let maximumDevices: Int
    private let maximumMembers: Int

    init(maximumDevices: Int = 4096, maximumMembers: Int = 8192) {
        self.maximumDevices = maximumDevices
        self.maximumMembers = maximumMembers
    }

    /// Those of the users that the device has not yet been sent in this room.
    func missing(_ users: [UserNum], room: RoomNum, for device: Device, since: UInt64) -> [UserNum] {
        board.withLock { board in
            guard let record = board.devices[device] else { return users }
            return users.filter { user in
                guard let sentAt = record.members[Member(room: room, user: user)] else { return true }
                return sentAt > since
            }
        }
    }

    /// The answer with the token position `token` carries these members.
    func record(_ users: [UserNum], room: RoomNum, for device: Device, token: UInt64) {
        if users.isEmpty { return }
        board.withLock { board in
            board.uses += 1
            if board.devices[device] == nil, board.devices.count >= maximumDevices { board.dropOldest() }
            var record = board.devices.removeValue(forKey: device) ?? Record()
            if record.members.count + users.count > maximumMembers { record.members = [:] }
            for user in users { record.members[Member(room: room, user: user)] = token }
            record.lastUse = board.uses
            board.devices[device] = record
        }
    }

    /// The device begins anew and knows nobody.
    func forget(_ device: Device) {
        board.withLock { board in board.devices[device] = nil }
    }
}

extension SentMembers.Board {
    /// Drops the older half, so that dropping is rare.
    fileprivate mutating func dropOldest() {
        let uses = devices.values.map(\.lastUse).sorted()
        let middle = uses[uses.count / 2]
        devices = devices.filter { $0.value.lastUse > middle }
    }
}
