package import CanonicalJSON
import Decisions
import EventLog
import LogEvents
package import MatrixIdentifiers
package import Queries
import ReadModel

/// Everything a client may do for end-to-end encryption. Each function returns when its facts are durable and readable.
///
/// All throw ``Rejection`` for what the rules forbid and `AppendFault` for what the machine could not do.
package final class KeyCommands: Sendable {
    let environment: CommandEnvironment
    let turns = KeyedTurns()
    package let queries: KeyQueries
    package let backups: KeyBackupQueries
    package let toDevice: ToDeviceQueries
    private let claims: OneTimeKeyClaims
    let outgoing = OutgoingMessages()

    package init(environment: CommandEnvironment) {
        self.environment = environment
        queries = KeyQueries(views: environment.views)
        backups = KeyBackupQueries(views: environment.views)
        toDevice = ToDeviceQueries(views: environment.views)
        claims = OneTimeKeyClaims(environment: environment, queries: queries)
    }

    /// The stream of what a device has to give away: compare-and-append on it is why no key is given away twice.
    static func stream(of user: UserID, _ deviceID: String) -> StreamID {
        let name = "\(user.rawValue)/\(deviceID)"
        if name.utf8.count <= StreamID.longestName { return StreamID(kind: .device, name: name) }
        let hash = FixedHash.pair(deviceID)
        return StreamID(kind: .device, name: "\(user.rawValue)/\(hash.0)-\(hash.1)")
    }

    func append(_ records: [NewRecord], expected: [(StreamID, UInt64)] = []) async throws {
        _ = try await environment.log.append(LogBatch(records: records, expected: expected))
    }

    /// Decides and appends until nobody else wrote to the stream in between.
    func retrying<Result>(_ attempt: () async throws -> Result) async throws -> Result {
        var attempts = 0
        while true {
            do {
                return try await attempt()
            } catch AppendFault.conflict(let stream, let actual) {
                attempts += 1
                guard attempts < 16 else { throw AppendFault.conflict(stream, actual: actual) }
                // An empty batch is acknowledged after all before it can be read.
                try await append([])
            }
        }
    }

    func record(_ fact: some LogEvent, _ stream: StreamID, _ caller: Caller) -> NewRecord {
        fact.record(stream: stream, actor: caller.userID.rawValue, cause: caller.requestID)
    }

    static func device(of caller: Caller) throws -> String {
        guard let deviceID = caller.deviceID else {
            throw Rejection.invalidParam("The access token belongs to no device, which alone has keys.")
        }
        return deviceID
    }

    // MARK: Upload

    /// Publishes keys of the caller's device.
    ///
    /// - Returns: how many one-time keys of each algorithm the server has now.
    package func upload(_ body: JSONObject, caller: Caller) async throws -> JSONObject {
        let deviceID = try Self.device(of: caller)
        let upload = try KeyUpload(body: body, userID: caller.userID.rawValue, deviceID: deviceID)
        try await turns.run("device \(caller.userID)/\(deviceID)") {
            try await retrying {
                let (records, expected) = try records(of: upload, deviceID: deviceID, isNew: false, caller: caller)
                if !records.isEmpty { try await append(records, expected: expected) }
            }
        }
        return try counts(caller.userID, deviceID)
    }

    /// The records of an upload, with the versions that they were decided on.
    ///
    /// - Parameter isNew: whether the device comes into being in the same batch.
    func records(
        of upload: KeyUpload, deviceID: String, isNew: Bool, caller: Caller
    ) throws -> ([NewRecord], [(StreamID, UInt64)]) {
        let state = try queries.uploadState(caller.userID, deviceID, oneTimeKeys: upload.oneTimeKeys)
        guard state.isKnown || isNew else { throw Rejection.notFound("There is no such device.") }
        var present = KeyUpload.Present()
        present.deviceKeys = state.deviceKeys
        present.spent = state.spent
        present.oneTimeKeys = try state.existing.mapValues { try JSONValue.parse($0) }
        present.oneTimeKeyCount = state.stock.counts.reduce(0) { $0 + Int($1.number) }
        for fallback in state.stock.fallbacks {
            present.fallbackKeys[fallback.name] = try JSONValue.parse(fallback.json)
        }
        let fact = try upload.decide(present, userID: caller.userID.rawValue, deviceID: deviceID)
        guard let fact else { return ([], []) }
        let stream = Self.stream(of: caller.userID, deviceID)
        return ([record(fact, stream, caller)], [(stream, state.stock.streamVersion)])
    }

    private func counts(_ user: UserID, _ deviceID: String) throws -> JSONObject {
        var counts: JSONObject = [:]
        for count in try queries.stock(user, deviceID)?.counts ?? [] where count.number > 0 {
            counts[count.algorithm] = .integer(Int64(count.number))
        }
        // Some clients upload nothing unless they are told that there is nothing.
        if !counts.contains("signed_curve25519") { counts["signed_curve25519"] = 0 }
        return counts
    }

    // MARK: Claim

    /// Gives keys away: a one-time key once and for all, or else the fallback key; nil where there is neither.
    package func claim(_ targets: [KeyClaimTarget], caller: Caller) async throws -> [KeyChoice?] {
        try await claims.claim(targets, actor: caller.userID.rawValue, cause: caller.requestID)
    }
    /// The same for users of another server, which asks for them.
    package func claim(
        _ targets: [KeyClaimTarget], by server: ServerName, requestID: String
    ) async throws -> [KeyChoice?] {
        try await claims.claim(targets, actor: server.rawValue, cause: requestID)
    }
}
