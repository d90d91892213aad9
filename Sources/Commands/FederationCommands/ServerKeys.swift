package import CanonicalJSON
package import CommandHandling
import EventSigning
package import MatrixEvents
package import MatrixIdentifiers
import Queries
import Synchronization

/// The signing keys of all servers: from the log, else from the server itself, else from a notary. What is learned is logged
/// before it is used.
package final class ServerKeys: Sendable {
    /// A key that is asked for.
    package struct Wish: Sendable, Hashable {
        package let server: ServerName
        package let keyID: String
        /// When something was signed with it (milliseconds since 1970): what is known of the key should reach so far.
        package let atMs: Int64

        package init(server: ServerName, keyID: String, atMs: Int64) {
            self.server = server
            self.keyID = keyID
            self.atMs = atMs
        }
    }

    /// A key that is known.
    package struct Key: Sendable, Hashable {
        package let publicKey: [UInt8]
        package let validity: SigningKeyValidity
    }

    let environment: CommandEnvironment
    let remotes: any RemoteServers
    let notaries: [KeyNotary]
    let queries: ServerKeyQueries
    /// What this server publishes of its own.
    package let published: PublishedKeys
    private let peers: FederationPeers
    private let turns = KeyedTurns()
    private let attempts: Mutex<BoundedTable<ServerName, Attempt>>

    /// When a server's keys were asked for, and for how long they are not asked for again.
    private struct Attempt {
        var atMs: Int64
        var pauseMs: Int64
        /// What was wanted was got.
        var wasSatisfied: Bool
    }

    /// So many servers are asked at once for one caller.
    private static let mostAtOnce = 16
    /// How long a server is not asked again, whatever is wanted of it; twice as long each time that it is asked again
    /// soon. One that makes a new key for each request would otherwise fill the log.
    private static let pauseAfterSuccessMs: Int64 = 10_000
    private static let pauseAfterFailureMs: Int64 = 60_000
    private static let longestPauseMs: Int64 = 3_600_000

    package init(
        environment: CommandEnvironment, remotes: any RemoteServers, published: PublishedKeys, peers: FederationPeers,
        notaries: [KeyNotary] = [], mostRemembered: Int = 20_000
    ) {
        self.environment = environment
        self.remotes = remotes
        self.published = published
        self.peers = peers
        self.notaries = notaries
        queries = ServerKeyQueries(views: environment.views)
        attempts = Mutex(BoundedTable(capacity: mostRemembered))
    }

    // MARK: Keys

    /// A server's key; nil when it cannot be had. Whether it counts for what it signed, its validity says.
    ///
    /// - Parameter isHeardFrom: the server has just sent something, so that it is worth asking.
    package func key(
        of server: ServerName, _ keyID: String, atMs: Int64, isHeardFrom: Bool = false
    ) async throws -> Key? {
        try await keys(for: [Wish(server: server, keyID: keyID, atMs: atMs)], isHeardFrom: isHeardFrom)[0]
    }

    /// Many keys, in the order of the wishes; nil for those that cannot be had. Servers are asked side by side.
    package func keys(for wishes: [Wish], isHeardFrom: Bool = false) async throws -> [Key?] {
        let found = try known(wishes)
        var lacking: [ServerName: [Wish]] = [:]
        for (wish, key) in zip(wishes, found) where !reaches(key, wish) {
            lacking[wish.server, default: []].append(wish)
        }
        guard !lacking.isEmpty else { return found }
        try await forEach(lacking) { [self] server, wishes in
            try await learn(
                server, keyIDs: wishes.map(\.keyID), isHeardFrom: isHeardFrom, from: notaries
            ) { [self] in
                try zip(known(wishes), wishes).allSatisfy { reaches($0, $1) }
            }
        }
        return try known(wishes)
    }

    /// What is known without asking anybody.
    package func known(_ wishes: [Wish]) throws -> [Key?] {
        try zip(wishes, queries.keys(wishes.map { ($0.server, $0.keyID) })).map { wish, held in
            if wish.server == published.serverName {
                return published.key(wish.keyID).map { key in
                    Key(
                        publicKey: key.publicKey,
                        validity: key.expired.map { .old(expired: $0) }
                            ?? .current(validUntil: .max, fetchedAt: environment.nowMs()))
                }
            }
            guard let held, let publicKey = UnpaddedBase64.decode(held.text) else { return nil }
            return Key(publicKey: publicKey, validity: held.validity)
        }
    }

    /// Whether asking could teach nothing more about a key. Nobody can say more of the future than of the present.
    private func reaches(_ key: Key?, _ wish: Wish) -> Bool {
        guard let key else { return false }
        if case .old = key.validity { return true }
        return key.validity.lastTimestamp >= min(wish.atMs, environment.nowMs())
    }

    // MARK: Documents

    /// What a server publishes, for others who ask this server about it; nil when it cannot be had. Not signed by us yet.
    ///
    /// - Parameter keyIDs: keys that are wanted in particular.
    package func document(
        of server: ServerName, keyIDs: [String], minimumValidUntil: Int64
    ) async throws -> JSONObject? {
        if server == published.serverName { return try published.document(nowMs: environment.nowMs()) }
        let isGood: @Sendable () throws -> Bool = { [self] in
            guard let held = try queries.document(of: server) else { return false }
            // "Intermediate notary servers should cache a response for half of its lifetime to avoid serving a stale
            // response."
            let lifetime = held.validUntil.subtractingReportingOverflow(held.fetchedMs).partialValue
            let isFresh = environment.nowMs() <= held.fetchedMs + max(lifetime, 0) / 2
            let wishes = keyIDs.map { Wish(server: server, keyID: $0, atMs: .min) }
            return try isFresh && held.validUntil >= minimumValidUntil && known(wishes).allSatisfy { $0 != nil }
        }
        if try !isGood() {
            // Two notaries that trust each other would wait for each other.
            try await learn(server, keyIDs: keyIDs, isHeardFrom: false, from: [], until: isGood)
        }
        // "If the server fails to respond to this request, intermediate notary servers should continue to return the last
        // response they received from the server".
        return try queries.document(of: server)?.object
    }

    /// The documents of many servers, side by side, in the order of their names; without those that cannot be had.
    package func documents(
        _ wanted: [(server: ServerName, keyIDs: [String], minimumValidUntil: Int64)]
    ) async throws -> [JSONObject] {
        let found = Mutex<[ServerName: JSONObject]>([:])
        let byServer = Dictionary(wanted.map { ($0.server, $0) }) { first, _ in first }
        try await forEach(byServer) { [self] server, wish in
            let document = try await document(
                of: server, keyIDs: wish.keyIDs, minimumValidUntil: wish.minimumValidUntil)
            found.withLock { $0[server] = document }
        }
        return found.withLock { found in found.sorted { $0.key < $1.key }.map(\.value) }
    }

    // MARK: Learning

    /// Asks for a server's keys until what is wanted is there, one caller at a time for each server.
    private func learn(
        _ server: ServerName, keyIDs: [String], isHeardFrom: Bool, from notaries: [KeyNotary],
        until isDone: @Sendable () throws -> Bool
    ) async throws {
        guard peers.includes(server) else { return }
        try await turns.run(server.rawValue) {
            // Another caller may have got it, or may have found out that it is not to be had.
            guard try !isDone(), mayAsk(server, isHeardFrom: isHeardFrom) else { return }
            try await askItself(server, isHeardFrom: isHeardFrom)
            if try isDone() { return note(server, wasSatisfied: true) }
            for notary in notaries where notary.serverName != server && notary.serverName != published.serverName {
                try await ask(notary, about: server, keyIDs: keyIDs)
                if try isDone() { return note(server, wasSatisfied: true) }
            }
            note(server, wasSatisfied: false)
        }
    }

    private func mayAsk(_ server: ServerName, isHeardFrom: Bool) -> Bool {
        let now = environment.nowMs()
        guard let attempt = attempts.withLock({ $0.value(server, nowMs: now) }) else { return true }
        let isWorthAsking = isHeardFrom && !attempt.wasSatisfied
        return now >= attempt.atMs + (isWorthAsking ? Self.pauseAfterFailureMs : attempt.pauseMs)
    }

    private func note(_ server: ServerName, wasSatisfied: Bool) {
        let now = environment.nowMs()
        let shortest = wasSatisfied ? Self.pauseAfterSuccessMs : Self.pauseAfterFailureMs
        attempts.withLock { attempts in
            let before = attempts.value(server, nowMs: now)?.pauseMs ?? 0
            let pause = max(shortest, min(2 * before, Self.longestPauseMs))
            attempts.set(
                Attempt(atMs: now, pauseMs: pause, wasSatisfied: wasSatisfied), server,
                untilMs: now + 2 * Self.longestPauseMs, nowMs: now)
        }
    }

    /// Does something for each entry, a few at a time.
    private func forEach<Wanted: Sendable>(
        _ entries: [ServerName: Wanted], _ body: @escaping @Sendable (ServerName, Wanted) async throws -> Void
    ) async throws {
        var rest = entries.makeIterator()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<Self.mostAtOnce {
                guard let (server, wanted) = rest.next() else { break }
                group.addTask { try await body(server, wanted) }
            }
            while try await group.next() != nil {
                guard let (server, wanted) = rest.next() else { continue }
                group.addTask { try await body(server, wanted) }
            }
        }
    }
}
