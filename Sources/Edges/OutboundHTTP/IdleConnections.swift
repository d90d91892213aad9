import NIOCore
import Synchronization

/// What two requests must have in common to use one connection.
struct ConnectionKey: Hashable, Sendable {
    let isTLS: Bool
    let host: String
    let port: Int
    let certificateName: String?
    let verifiesCertificate: Bool

    init(_ request: OutboundRequest) {
        isTLS = request.isTLS
        host = request.host
        port = request.port
        certificateName = request.certificateName
        verifiesCertificate = request.verifiesCertificate
    }
}

/// Open connections that nobody uses at the moment, bounded in number and time.
final class IdleConnections: Sendable {
    private struct Idle: Sendable {
        let channel: any Channel
        let expiry: Scheduled<Void>
        let order: UInt64
    }

    private struct State {
        var byKey: [ConnectionKey: [Idle]] = [:]
        var count = 0
        var lastOrder: UInt64 = 0
    }

    private let state = Mutex(State())
    private let mostOfAll: Int
    private let mostOfOne: Int
    private let longestMs: Int64

    init(mostOfAll: Int, mostOfOne: Int, longestMs: Int64) {
        self.mostOfAll = mostOfAll
        self.mostOfOne = mostOfOne
        self.longestMs = longestMs
    }

    var count: Int { state.withLock { $0.count } }

    /// The connection that was used last; it is no longer idle.
    func take(_ key: ConnectionKey) -> (any Channel)? {
        state.withLock { state in
            while let idle = state.byKey[key]?.popLast() {
                state.count -= 1
                if state.byKey[key]?.isEmpty == true { state.byKey[key] = nil }
                idle.expiry.cancel()
                if idle.channel.isActive { return idle.channel }
            }
            return nil
        }
    }

    /// Keeps a connection, or closes it where there are enough; the one that was idle longest makes room.
    func put(_ channel: any Channel, _ key: ConnectionKey) {
        let expiry = channel.eventLoop.scheduleTask(in: .milliseconds(longestMs)) { [weak self] in
            self?.remove(channel, key)
            channel.close(promise: nil)
        }
        let surplus = state.withLock { state -> [Idle] in
            var surplus: [Idle] = []
            if state.count >= mostOfAll, let oldest = Self.takeOldest(&state) { surplus.append(oldest) }
            state.lastOrder += 1
            state.byKey[key, default: []].append(Idle(channel: channel, expiry: expiry, order: state.lastOrder))
            state.count += 1
            if let own = state.byKey[key], own.count > mostOfOne, let first = state.byKey[key]?.removeFirst() {
                state.count -= 1
                surplus.append(first)
            }
            return surplus
        }
        for idle in surplus {
            idle.expiry.cancel()
            idle.channel.close(promise: nil)
        }
    }

    /// The connection has ended.
    func remove(_ channel: any Channel, _ key: ConnectionKey) {
        state.withLock { state in
            guard let index = state.byKey[key]?.firstIndex(where: { $0.channel === channel }) else { return }
            state.byKey[key]?.remove(at: index).expiry.cancel()
            state.count -= 1
            if state.byKey[key]?.isEmpty == true { state.byKey[key] = nil }
        }
    }

    private static func takeOldest(_ state: inout State) -> Idle? {
        let oldest = state.byKey.min { ($0.value.first?.order ?? .max) < ($1.value.first?.order ?? .max) }
        guard let key = oldest?.key, let idle = state.byKey[key]?.removeFirst() else { return nil }
        if state.byKey[key]?.isEmpty == true { state.byKey[key] = nil }
        state.count -= 1
        return idle
    }
}
