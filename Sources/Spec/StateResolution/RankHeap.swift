/// A binary heap of numbers that gives the least.
struct RankHeap {
    private var ranks: [Int] = []

    mutating func push(_ rank: Int) {
        var position = ranks.count
        ranks.append(rank)
        while position > 0 {
            let parent = (position - 1) / 2
            guard ranks[position] < ranks[parent] else { break }
            ranks.swapAt(position, parent)
            position = parent
        }
    }

    mutating func popLeast() -> Int? {
        guard let last = ranks.popLast() else { return nil }
        guard let least = ranks.first else { return last }
        ranks[0] = last
        var position = 0
        while true {
            var smallest = position
            for child in [2 * position + 1, 2 * position + 2] where child < ranks.count {
                if ranks[child] < ranks[smallest] { smallest = child }
            }
            guard smallest != position else { return least }
            ranks.swapAt(position, smallest)
            position = smallest
        }
    }
}
