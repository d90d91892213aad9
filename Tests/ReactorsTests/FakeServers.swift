import CanonicalJSON
import FederationCommands
import MatrixIdentifiers
import Synchronization

/// The other servers of a test: they write down what they are sent, and fail when they are told to.
final class FakeServers: RemoteServers {
    struct Transaction: Sendable {
        let server: String
        let id: String
        let body: JSONObject

        var pdus: [JSONObject] { body["pdus"]?.arrayValue?.compactMap(\.objectValue) ?? [] }
        var edus: [JSONObject] { body["edus"]?.arrayValue?.compactMap(\.objectValue) ?? [] }
        /// What says the test's events from each other.
        var numbers: [Int64] { pdus.compactMap { $0["content"]?["n"]?.integerValue } }
    }

    enum Behaviour: Sendable {
        case takes
        case refuses(Int)
        case isAway
        /// It takes the transaction, and the answer is lost.
        case losesAnswers
    }

    private struct State {
        var taken: [Transaction] = []
        var attempts: [String: Int] = [:]
        var behaviour: [String: Behaviour] = [:]
        var underWay: Set<String> = []
        var hadTwoAtOnce = false
        var ids: Set<String> = []
        var hadOneIDTwice = false
        var random: UInt64?
    }

    private let state = Mutex(State())

    var taken: [Transaction] { state.withLock { $0.taken } }
    var hadTwoAtOnce: Bool { state.withLock { $0.hadTwoAtOnce } }
    var hadOneIDTwice: Bool { state.withLock { $0.hadOneIDTwice } }

    func taken(by server: String) -> [Transaction] { taken.filter { $0.server == server } }
    func attempts(at server: String) -> Int { state.withLock { $0.attempts[server] ?? 0 } }
    func set(_ server: String, _ behaviour: Behaviour) { state.withLock { $0.behaviour[server] = behaviour } }
    /// From now on everybody fails at random; with nil no more.
    func failAtRandom(seed: UInt64?) { state.withLock { $0.random = seed } }

    func send(_ request: RemoteRequest) async throws -> RemoteAnswer {
        let server = request.destination.rawValue
        let prefix = "/_matrix/federation/v1/send/"
        guard request.method == .put, request.target.hasPrefix(prefix) else { throw RemoteFault.malformed("test") }
        let transaction = Transaction(
            server: server, id: String(request.target.dropFirst(prefix.count)), body: request.body ?? [:])
        let behaviour = state.withLock { state -> Behaviour in
            if !state.underWay.insert(server).inserted { state.hadTwoAtOnce = true }
            if !state.ids.insert("\(server) \(transaction.id)").inserted { state.hadOneIDTwice = true }
            state.attempts[server, default: 0] += 1
            if let random = state.random {
                let next = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                state.random = next
                switch next >> 60 {
                case 0...3: return .isAway
                case 4...6: return .losesAnswers
                case 7...8: return .refuses(502)
                default: return .takes
                }
            }
            return state.behaviour[server] ?? .takes
        }
        await Task.yield()
        defer { state.withLock { _ = $0.underWay.remove(server) } }
        switch behaviour {
        case .isAway: throw RemoteFault.unreachable("test")
        case .refuses(let status): return RemoteAnswer(status: status, body: Array(#"{"errcode":"M_UNKNOWN"}"#.utf8))
        case .takes: state.withLock { $0.taken.append(transaction) }
        case .losesAnswers:
            state.withLock { $0.taken.append(transaction) }
            throw RemoteFault.timedOut
        }
        return RemoteAnswer(status: 200, body: Array(#"{"pdus":{}}"#.utf8))
    }
}
