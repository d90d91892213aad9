/// The auth difference: what is in the auth chain of some states and not of all.
///
/// "If *C_i* is the full auth chain of *S_i*, then the auth difference is ∪ *C_i* − ∩ *C_i*."
///
/// Two facts keep this away from the whole chain. An event in the auth chain of an unconflicted event is in every *C_i*, and
/// so are all events below it. And an event is in *C_i* exactly if going up from it, along the citations, leads to an event
/// of *S_i*. So the search goes down from the conflicted events, asks of each event it meets whether it is in all the chains,
/// and stops there if it is. The question is answered by going up; in a large room the first citations that are looked at
/// have an unconflicted event among them. Only for events that belong to the answer must all that cites them be seen.
struct AuthDifference {
    /// What is known of an event: it is in all of the chains, or exactly in those of these states.
    private enum Standing {
        case inEveryChain
        case inChains(mask: Int)
    }

    /// An event on the way up, with the citations still to be followed.
    private struct Ascent {
        let event: EventNumber
        let mask: Int
        var unfollowed: [EventNumber] = []
        var bound: EventNumber?
        var pageSize = 8
        var isExhausted = false
    }

    private let reader: ResolutionReader
    private let states: ConflictedState
    private let conflicted: [EventNumber: Int]
    private var masks: StateMasks
    private var standings: [EventNumber: Standing] = [:]

    private init(of states: ConflictedState, conflicted: [EventNumber: Int], reader: ResolutionReader) {
        self.reader = reader
        self.states = states
        self.conflicted = conflicted
        masks = states.masks
    }

    /// Finds the auth difference.
    ///
    /// - Parameter conflicted: the conflicted state set, each event with the set of states that have it.
    static func find(
        in states: ConflictedState, conflicted: [EventNumber: Int], reader: ResolutionReader
    ) throws -> Set<EventNumber> {
        var search = AuthDifference(of: states, conflicted: conflicted, reader: reader)
        return try search.descend()
    }

    private mutating func descend() throws -> Set<EventNumber> {
        var difference: Set<EventNumber> = []
        var pending = Array(conflicted.keys)
        while let event = pending.popLast() {
            for authEvent in try reader.row(of: event).authEvents where !difference.contains(authEvent) {
                if try isInEveryChain(authEvent) { continue }
                difference.insert(authEvent)
                pending.append(authEvent)
            }
        }
        return difference
    }

    private mutating func isInEveryChain(_ event: EventNumber) throws -> Bool {
        switch standings[event] {
        case .inEveryChain: return true
        case .inChains: return false
        case nil: break
        }
        var path = [Ascent(event: event, mask: masks.append())]
        while let top = path.indices.last {
            if let next = path[top].unfollowed.popLast() {
                // Another way may have led there since it was put aside.
                switch standings[next] {
                case .inEveryChain: return settle(path)
                case .inChains(let mask):
                    masks.formUnion(path[top].mask, with: mask)
                    if masks.isFull(path[top].mask) { return settle(path) }
                case nil: path.append(Ascent(event: next, mask: masks.append()))
                }
                continue
            }
            if !path[top].isExhausted {
                if try meetCitations(&path[top]) { return settle(path) }
                continue
            }
            let done = path.removeLast()
            standings[done.event] = .inChains(mask: done.mask)
            guard let below = path.indices.last else { break }
            masks.formUnion(path[below].mask, with: done.mask)
            if masks.isFull(path[below].mask) { return settle(path) }
        }
        return false
    }

    /// The last event of the way is in all of the chains, and so are those it was reached from.
    private mutating func settle(_ path: [Ascent]) -> Bool {
        for ascent in path { standings[ascent.event] = .inEveryChain }
        return true
    }

    /// Looks at a page of citations; answers whether they show that the event is in all of the chains.
    private mutating func meetCitations(_ ascent: inout Ascent) throws -> Bool {
        let page = try reader.citations(of: ascent.event, below: ascent.bound, limit: ascent.pageSize)
        ascent.isExhausted = page.count < ascent.pageSize
        ascent.bound = page.last
        ascent.pageSize = min(ascent.pageSize * 2, 256)
        for citing in page {
            if let mask = conflicted[citing] {
                masks.formUnion(ascent.mask, with: mask)
            } else if try states.unconflictedEvent(at: reader.row(of: citing).slot) == citing {
                return true
            }
            switch standings[citing] {
            case .inEveryChain: return true
            case .inChains(let mask): masks.formUnion(ascent.mask, with: mask)
            case nil: ascent.unfollowed.append(citing)
            }
        }
        return masks.isFull(ascent.mask)
    }
}
