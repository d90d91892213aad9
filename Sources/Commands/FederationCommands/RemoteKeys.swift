package import CanonicalJSON
import LogEvents
import MatrixIdentifiers
package import Queries

/// Asks other servers for their users' keys. What they say of users with whom a room is shared is kept, since they tell its
/// changes.
package struct RemoteKeys: Sendable {
    private let servers: any RemoteServers
    private let facts: RemoteDeviceFacts
    /// Servers that are asked at the same time.
    private static let mostServers = 32
    /// Users whose whole lists one request of a client fetches from one server; the others are asked for together, and kept
    /// when they are asked for next.
    private static let mostLists = 16
    private static let largestAnswer = 16 << 20
    package static let longestTimeoutMs: Int64 = 30_000

    package init(servers: any RemoteServers, facts: RemoteDeviceFacts) {
        self.servers = servers
        self.facts = facts
    }

    // MARK: Querying

    package struct QueryResult: Sendable {
        /// Users whose keys are in the projections.
        package var kept: [KeyQueries.Wanted] = []
        package var answer = RemoteKeyAnswer()
        /// "If any remote homeservers could not be reached, they are recorded here."
        package var failures: JSONObject = [:]

        mutating func merge(_ other: QueryResult) {
            kept += other.kept
            answer.merge(other.answer)
            failures = failures.merging(other.failures)
        }
    }

    /// Finds the keys of users of other servers.
    package func query(_ wanted: [KeyQueries.Wanted], timeoutMs: Int64) async throws -> QueryResult {
        var result = QueryResult()
        var missing: [ServerName: (lists: [KeyQueries.Wanted], others: [KeyQueries.Wanted])] = [:]
        for wanted in wanted {
            let server = wanted.user.serverName
            switch try facts.queries.standing(of: wanted.user) {
            case .current: result.kept.append(wanted)
            case .worthKeeping where missing[server]?.lists.count ?? 0 < Self.mostLists:
                missing[server, default: ([], [])].lists.append(wanted)
            case .worthKeeping, .unrelated: missing[server, default: ([], [])].others.append(wanted)
            }
        }
        let parts = try await Self.each(of: missing.sorted { $0.key < $1.key }, atOnce: Self.mostServers) { entry in
            try await ask(entry.key, lists: entry.value.lists, others: entry.value.others, timeoutMs: timeoutMs)
        }
        for part in parts { result.merge(part) }
        return result
    }

    private func ask(
        _ server: ServerName, lists: [KeyQueries.Wanted], others: [KeyQueries.Wanted], timeoutMs: Int64
    ) async throws -> QueryResult {
        async let listed = Self.each(of: lists, atOnce: 4) { wanted in
            try await fetch(wanted, from: server, timeoutMs: timeoutMs)
        }
        var result = QueryResult()
        if !others.isEmpty { result = try await ask(server, for: others, timeoutMs: timeoutMs) }
        for part in try await listed { result.merge(part) }
        return result
    }

    /// One user's whole list.
    private func fetch(
        _ wanted: KeyQueries.Wanted, from server: ServerName, timeoutMs: Int64
    ) async throws -> QueryResult {
        var result = QueryResult()
        let version = try facts.version(of: wanted.user)
        let target = RequestTarget("/_matrix/federation/v1/user/devices", wanted.user.rawValue).text
        let request = RemoteRequest(
            .get, target, of: server, timeoutMs: timeoutMs, largestAnswer: Self.largestAnswer)
        do {
            let answer = try await servers.send(request).object()
            guard let list = RemoteDeviceReading.list(answer, of: wanted.user) else {
                throw RemoteFault.malformed("no list of devices")
            }
            if try await facts.learn(list, of: wanted.user, asOf: version) {
                result.kept.append(wanted)
                return result
            }
        } catch RemoteFault.refused(404, _, _) {
            // "if the user or device was unknown, no failure is recorded."
            return result
        } catch let fault as RemoteFault {
            result.failures[server.rawValue] = Self.failure(fault)
            return result
        }
        // It changed while it was on its way: the client hears of that, and asks again.
        return try await ask(server, for: [wanted], timeoutMs: timeoutMs)
    }

    private func ask(
        _ server: ServerName, for users: [KeyQueries.Wanted], timeoutMs: Int64
    ) async throws -> QueryResult {
        var wanted: JSONObject = [:]
        for user in users { wanted[user.user.rawValue] = .array(user.deviceIDs.map(JSONValue.string)) }
        let request = RemoteRequest(
            .post, "/_matrix/federation/v1/user/keys/query", of: server, body: ["device_keys": .object(wanted)],
            timeoutMs: timeoutMs, largestAnswer: Self.largestAnswer)
        var result = QueryResult()
        do {
            result.answer = RemoteDeviceReading.answer(try await servers.send(request).object(), about: users)
        } catch let fault as RemoteFault {
            result.failures[server.rawValue] = Self.failure(fault)
        }
        return result
    }

    // MARK: Claiming

    /// Claims one-time keys of devices of other servers' users.
    ///
    /// - Returns: user to device to key, and the failures.
    package func claim(
        _ targets: [KeyClaimTarget], timeoutMs: Int64
    ) async throws -> (keys: JSONObject, failures: JSONObject) {
        var byServer: [ServerName: JSONObject] = [:]
        for target in targets {
            var devices = byServer[target.user.serverName]?[target.user.rawValue]?.objectValue ?? [:]
            devices[target.deviceID] = .string(target.algorithm)
            byServer[target.user.serverName, default: [:]][target.user.rawValue] = .object(devices)
        }
        let parts = try await Self.each(of: byServer.sorted { $0.key < $1.key }, atOnce: Self.mostServers) { entry in
            try await claim(entry.value, from: entry.key, timeoutMs: timeoutMs)
        }
        var result: (keys: JSONObject, failures: JSONObject) = ([:], [:])
        for part in parts {
            result.keys = result.keys.merging(part.keys)
            result.failures = result.failures.merging(part.failures)
        }
        return result
    }

    private func claim(
        _ wanted: JSONObject, from server: ServerName, timeoutMs: Int64
    ) async throws -> (keys: JSONObject, failures: JSONObject) {
        let request = RemoteRequest(
            .post, "/_matrix/federation/v1/user/keys/claim", of: server, body: ["one_time_keys": .object(wanted)],
            timeoutMs: timeoutMs, largestAnswer: Self.largestAnswer)
        do {
            let answer = try await servers.send(request).object()
            var keys: JSONObject = [:]
            for (user, devices) in wanted {
                var kept: JSONObject = [:]
                for (deviceID, algorithm) in devices.objectValue ?? [:] {
                    // One key, of the algorithm that was asked for.
                    guard let given = answer["one_time_keys"]?[user]?[deviceID]?.objectValue, given.count == 1,
                        let name = given.keys.first, let algorithm = algorithm.stringValue,
                        name.utf8.starts(with: "\(algorithm):".utf8)
                    else { continue }
                    kept[deviceID] = .object(given)
                }
                if !kept.isEmpty { keys[user] = .object(kept) }
            }
            return (keys, [:])
        } catch let fault as RemoteFault {
            return ([:], [server.rawValue: Self.failure(fault)])
        }
    }

    // MARK: Shared

    private static func failure(_ fault: RemoteFault) -> JSONValue {
        ["status": 503, "errcode": "M_UNAVAILABLE", "error": .string("\(fault)")]
    }

    private static func each<Element: Sendable, Result: Sendable>(
        of elements: [Element], atOnce limit: Int, _ body: @escaping @Sendable (Element) async throws -> Result
    ) async throws -> [Result] {
        try await withThrowingTaskGroup(of: Result.self) { group in
            var rest = elements[...]
            for element in rest.prefix(limit) { group.addTask { try await body(element) } }
            rest = rest.dropFirst(limit)
            var results: [Result] = []
            for try await result in group {
                results.append(result)
                if let next = rest.popFirst() { group.addTask { try await body(next) } }
            }
            return results
        }
    }
}
