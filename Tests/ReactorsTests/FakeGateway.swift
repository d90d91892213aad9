import CanonicalJSON
import CommandHandling
import Reactors
import Synchronization

/// A gateway in memory: it takes down what it is told, and behaves as it is told to.
final class FakeGateway: PushGatewayClient {
    enum Behaviour: Sendable {
        case accepting
        case rejecting
        case failing(Int)
        case hanging
    }

    struct Posted: Sendable {
        let host: String
        let json: JSONValue

        var notification: JSONValue? { json["notification"] }
        var eventID: String? { notification?["event_id"]?.stringValue }
        var pushKey: String? { notification?["devices"]?.arrayValue?.first?["pushkey"]?.stringValue }
        var unread: Int64? { notification?["counts"]?["unread"]?.integerValue }
    }

    private let behaviours = Mutex<[String: Behaviour]>([:])
    private let stream: AsyncStream<Posted>
    private let continuation: AsyncStream<Posted>.Continuation
    private let waiting = Mutex<AsyncStream<Posted>.Iterator?>(nil)
    private let taken = Mutex<[Posted]>([])

    init() {
        (stream, continuation) = AsyncStream.makeStream(of: Posted.self)
    }

    func set(_ behaviour: Behaviour, host: String) { behaviours.withLock { $0[host] = behaviour } }

    func post(_ body: [UInt8], to url: GatewayURL) async throws -> GatewayAnswer {
        let posted = Posted(host: url.host, json: try JSONValue.parse(body))
        let behaviour = behaviours.withLock { $0[url.host] ?? .accepting }
        taken.withLock { $0.append(posted) }
        continuation.yield(posted)
        switch behaviour {
        case .accepting: return GatewayAnswer(status: 200, body: Array("{}".utf8))
        case .rejecting:
            let rejected: JSONValue = ["rejected": [.string(posted.pushKey ?? "")]]
            return GatewayAnswer(status: 200, body: rejected.canonicalBytes())
        case .failing(let status): return GatewayAnswer(status: status, body: [])
        case .hanging:
            try await Task.sleep(for: .seconds(100_000))
            throw CancellationError()
        }
    }

    /// Everything that has been posted.
    var all: [Posted] { taken.withLock { $0 } }

    /// The next post, in the order in which they came.
    func next() async -> Posted? {
        var iterator = stream.makeAsyncIterator()
        return await iterator.next()
    }

    /// So many posts about events, perhaps with others between.
    func nextEvents(_ count: Int) async -> [Posted] {
        var found: [Posted] = []
        while found.count < count, let posted = await next() {
            if posted.eventID != nil { found.append(posted) }
        }
        return found
    }
}
