import EventLog
import ReadModel

/// Where a search goes on, and in which group.
struct SearchToken: Sendable, Hashable {
    enum Group: Sendable, Hashable {
        case room(RoomNum)
        case sender(UserNum)
    }

    let epoch: UInt64
    /// Nothing behind it is found, so that what is said meanwhile moves no page.
    let upTo: LogPosition
    /// By rank: how many results came before. By time: the position before which to go on.
    let cursor: UInt64
    /// How many results were counted on the pages before.
    let counted: UInt64
    var group: Group?

    init(epoch: UInt64, upTo: LogPosition, cursor: UInt64, counted: UInt64, group: Group? = nil) {
        self.epoch = epoch
        self.upTo = upTo
        self.cursor = cursor
        self.counted = counted
        self.group = group
    }

    init(parsing text: String) throws(QueryRefusal) {
        let refusal = QueryRefusal.invalid("next_batch is no token of this server.")
        var parts = text.split(separator: "_", omittingEmptySubsequences: false)
        guard parts.first == "f" else { throw refusal }
        parts.removeFirst()
        guard parts.count == 4 || parts.count == 5 else { throw refusal }
        let numbers = parts.prefix(4).compactMap { UInt64($0) }
        guard numbers.count == 4, numbers.allSatisfy({ $0 <= UInt64(Int64.max) }) else { throw refusal }
        (epoch, upTo, cursor, counted) = (numbers[0], LogPosition(rawValue: numbers[1]), numbers[2], numbers[3])
        guard parts.count == 5 else { return }
        guard let number = UInt32(parts[4].dropFirst()) else { throw refusal }
        switch parts[4].first {
        case "r": group = .room(RoomNum(rawValue: number))
        case "s": group = .sender(UserNum(rawValue: number))
        default: throw refusal
        }
    }

    var text: String {
        let end =
            switch group {
            case .room(let room): "_r\(room.rawValue)"
            case .sender(let user): "_s\(user.rawValue)"
            case nil: ""
            }
        return "f_\(epoch)_\(upTo.rawValue)_\(cursor)_\(counted)\(end)"
    }
}
