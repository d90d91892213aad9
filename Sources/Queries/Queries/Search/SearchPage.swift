import EventLog
import ReadModel

/// The results of one answer, and where the next ones are.
struct SearchPage {
    struct Result {
        let position: LogPosition
        let rank: Double
        let room: RoomNum
        let sender: UserNum

        func isIn(_ group: SearchToken.Group) -> Bool {
            switch group {
            case .room(let room): self.room == room
            case .sender(let sender): self.sender == sender
            }
        }

        func group(_ grouping: SearchRequest.Grouping) -> SearchToken.Group {
            grouping == .room ? .room(room) : .sender(sender)
        }
    }

    /// The results of a page that have something in common.
    struct Group {
        let value: SearchToken.Group
        var results: [LogPosition] = []
        var next: SearchToken?
    }

    let epoch: UInt64
    let upTo: LogPosition
    let order: SearchRequest.Order
    private(set) var results: [Result] = []
    private(set) var groups: [(grouping: SearchRequest.Grouping, groups: [Group])] = []
    private(set) var next: SearchToken?
    private(set) var count: UInt64 = 0

    init(epoch: UInt64, upTo: LogPosition, order: SearchRequest.Order) {
        self.epoch = epoch
        self.upTo = upTo
        self.order = order
    }

    /// Takes a page of what was found.
    ///
    /// - Parameters:
    ///   - found: newest first; of a later page by time, only what is older than the token.
    ///   - oldest: the oldest event that was looked at when there may be more that match.
    mutating func fill(
        _ found: [Result], from token: SearchToken?, limit: Int, oldest: LogPosition?,
        groupings: [SearchRequest.Grouping]
    ) {
        var ordered = found
        if order == .rank {
            ordered.sort { ($1.rank, $1.position) < ($0.rank, $0.position) }
            count = UInt64(found.count)
        } else {
            count = (token?.counted ?? 0) + UInt64(found.count)
        }
        var index = order == .rank ? Int(clamping: token?.cursor ?? 0) : 0
        while index < ordered.count, results.count < limit {
            let result = ordered[index]
            if token?.group.map(result.isIn) ?? true { results.append(result) }
            index += 1
        }
        let rest = index < ordered.count ? ordered[index...] : []
        if rest.contains(where: { result in token?.group.map(result.isIn) ?? true }) || oldest != nil {
            next = self.token(after: index, ordered, oldest, token)
            next?.group = token?.group
        }
        for grouping in groupings {
            groups.append(
                (grouping, groups(grouping, rest, next: self.token(after: index, ordered, oldest, token), oldest)))
        }
    }

    private func groups(
        _ grouping: SearchRequest.Grouping, _ rest: ArraySlice<Result>, next: SearchToken, _ oldest: LogPosition?
    ) -> [Group] {
        var groups: [Group] = []
        var places: [SearchToken.Group: Int] = [:]
        for result in results {
            let value = result.group(grouping)
            let place = places[value] ?? groups.count
            if place == groups.count {
                places[value] = place
                groups.append(Group(value: value))
            }
            groups[place].results.append(result.position)
        }
        let unfinished = Set(rest.map { $0.group(grouping) })
        for place in groups.indices where oldest != nil || unfinished.contains(groups[place].value) {
            var own = next
            own.group = groups[place].value
            groups[place].next = own
        }
        return groups
    }

    /// The token of what follows the first `index` of those found.
    private func token(
        after index: Int, _ ordered: [Result], _ oldest: LogPosition?, _ token: SearchToken?
    ) -> SearchToken {
        if order == .rank { return SearchToken(epoch: epoch, upTo: upTo, cursor: UInt64(index), counted: 0) }
        let last = index > 0 ? ordered[index - 1].position : LogPosition(rawValue: token?.cursor ?? upTo.rawValue + 1)
        let reached = index < ordered.count ? last : min(last, oldest ?? last)
        return SearchToken(
            epoch: epoch, upTo: upTo, cursor: reached.rawValue, counted: (token?.counted ?? 0) + UInt64(index))
    }
}
