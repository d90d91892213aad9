import ReadModel
import Synchronization

/// Remembers for each connection what the client has, in bounded memory.
///
/// "The server cannot assume that a client has received a response until it receives a new request with the `pos` token
/// set to the `pos` it returned": a connection is the state that the client is known to have and the answers that it may or
/// may not have got since, as changes to that state. A request with the `pos` of one of those makes it the known state;
/// one with the old `pos` asks for a lost answer again. What is forgotten costs the client a new beginning, never an event.
package final class SlidingConnections: Sendable {
    struct Key: Hashable, Sendable {
        let user: UserNum
        let deviceID: SameBytes
        let name: SameBytes
    }

    /// Where a request begins: what the client has, and to which life of the connection that belongs.
    struct Start: Sendable {
        let key: Key
        let life: UInt64
        let state: SlidingState
        /// Whether the client knows nothing yet.
        let isInitial: Bool
    }

    fileprivate struct Connection {
        let life: UInt64
        var known: SlidingState
        var answers: [SlidingChange] = []
        var nextNumber: UInt64 = 1
        var lastUse: UInt64
        var weight = 1
    }

    fileprivate struct Board {
        var connections: [Key: Connection] = [:]
        var uses: UInt64 = 0
        var weight = 0
    }

    private let board = Mutex(Board())
    private let maximumConnections: Int
    private let maximumPerDevice: Int
    private let maximumWeight: Int
    /// A request that was given up may be answered beside the one that took its place.
    private static let mostAnswers = 3

    package init(maximumConnections: Int = 16_384, maximumPerDevice: Int = 16, maximumWeight: Int = 4_000_000) {
        self.maximumConnections = maximumConnections
        self.maximumPerDevice = maximumPerDevice
        self.maximumWeight = maximumWeight
    }

    /// How many connections are remembered.
    package var count: Int { board.withLock { $0.connections.count } }

    // MARK: A request

    /// Begins a request.
    ///
    /// - Throws: `M_UNKNOWN_POS` for a `pos` that this connection did not give out or that is forgotten.
    func start(_ key: Key, pos: SlidingPos?) throws(QueryRefusal) -> Start {
        let start = board.withLock { board -> Start? in
            board.uses += 1
            guard let pos else {
                board.drop(key)
                let life = UInt64.random(in: 1 ... .max)
                board.connections[key] = Connection(life: life, known: SlidingState(), lastUse: board.uses)
                board.weight += 1
                boundDevice(&board, keeping: key)
                bound(&board, keeping: key)
                return Start(key: key, life: life, state: SlidingState(), isInitial: true)
            }
            guard board.connections[key]?.life == pos.life, board.confirm(pos.number, of: key) else { return nil }
            return board.connections[key].map { Start(key: key, life: $0.life, state: $0.known, isInitial: false) }
        }
        guard let start else {
            throw QueryRefusal(400, "M_UNKNOWN_POS", "This position is not known, or not any more: begin anew.")
        }
        return start
    }

    /// Takes note of an answer and answers the `pos` that stands for it.
    func finish(_ start: Start, _ change: SlidingChange) -> SlidingPos {
        board.withLock { board in
            let lost = SlidingPos(life: start.life, number: 0)
            // Another request without `pos` may have begun the connection anew: then this answer leads nowhere.
            guard var connection = board.connections.removeValue(forKey: start.key) else { return lost }
            guard connection.life == start.life, connection.known.number == start.state.number else {
                board.connections[start.key] = connection
                return lost
            }
            var change = change
            change.next.number = connection.nextNumber
            connection.nextNumber += 1
            if connection.answers.count >= Self.mostAnswers { connection.answers.removeFirst() }
            connection.answers.append(change)
            connection.lastUse = board.uses
            board.weight -= connection.weight
            connection.weight = 1 + connection.known.weight + connection.answers.reduce(0) { $0 + $1.weight }
            board.weight += connection.weight
            board.connections[start.key] = connection
            bound(&board, keeping: start.key)
            return SlidingPos(life: start.life, number: change.next.number)
        }
    }

    // MARK: Bounds

    private func boundDevice(_ board: inout Board, keeping key: Key) {
        let own = board.connections.filter {
            $0.key.user == key.user && $0.key.deviceID == key.deviceID && $0.key != key
        }
        if own.count >= maximumPerDevice, let oldest = own.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            board.drop(oldest.key)
        }
    }

    private func bound(_ board: inout Board, keeping key: Key) {
        guard board.connections.count > maximumConnections || board.weight > maximumWeight else { return }
        // The older half goes, so that this is rare.
        let uses = board.connections.values.map(\.lastUse).sorted()
        let middle = uses[uses.count / 2]
        for (other, connection) in board.connections where connection.lastUse <= middle && other != key {
            board.drop(other)
        }
    }
}

extension SlidingConnections.Board {
    fileprivate mutating func drop(_ key: SlidingConnections.Key) {
        guard let connection = connections.removeValue(forKey: key) else { return }
        weight -= connection.weight
    }

    /// Makes the answer of this number what the client has; false when it is neither that already nor an answer.
    fileprivate mutating func confirm(_ number: UInt64, of key: SlidingConnections.Key) -> Bool {
        guard var connection = connections.removeValue(forKey: key) else { return false }
        defer { connections[key] = connection }
        connection.lastUse = uses
        if connection.known.number == number { return number > 0 }
        guard let change = connection.answers.first(where: { $0.next.number == number }) else { return false }
        connection.known.apply(change)
        connection.answers = []
        return true
    }
}

/// What a `pos` says of the connection's state.
struct SlidingPos: Sendable, Hashable {
    /// Which life of the connection: a new one for each first request, at random, so that no `pos` fits another server's run.
    let life: UInt64
    let number: UInt64

    init(life: UInt64, number: UInt64) {
        self.life = life
        self.number = number
    }

    /// Reads what follows the `~` of a `pos`; nil when it is none.
    init?(parsing text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let life = UInt64(parts[0], radix: 36), let number = UInt64(parts[1], radix: 36)
        else { return nil }
        self.init(life: life, number: number)
    }

    var text: String { String(life, radix: 36) + "." + String(number, radix: 36) }
}
