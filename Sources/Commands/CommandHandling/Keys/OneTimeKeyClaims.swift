import EventLog
import LogEvents
import MatrixIdentifiers
import Queries
import Synchronization

/// Claims of one-time keys. All that come while a batch is on its way to the disk make the next batch together, so that
/// any number of claims of one device need two commits.
///
/// What makes a claim safe is the log: each is appended on the version of the device's stream that it was chosen on.
final class OneTimeKeyClaims: Sendable {
    private struct Claim {
        let targets: [KeyClaimTarget]
        let actor: String
        let cause: String
    }

    private enum Turn {
        /// Somebody else has served it.
        case served(Result<[KeyChoice?], any Error>)
        /// It serves itself and all who wait.
        case leads
    }

    private struct Waiter {
        let claim: Claim
        let continuation: CheckedContinuation<Turn, Never>
    }

    private struct Queue {
        var waiting: [Waiter] = []
        var isBusy = false
    }

    private let queue = Mutex(Queue())
    private let environment: CommandEnvironment
    private let queries: KeyQueries
    /// Keys that one batch gives away.
    private static let largestBatch = 4096

    init(environment: CommandEnvironment, queries: KeyQueries) {
        self.environment = environment
        self.queries = queries
    }

    func claim(_ targets: [KeyClaimTarget], actor: String, cause: String) async throws -> [KeyChoice?] {
        let claim = Claim(targets: targets, actor: actor, cause: cause)
        let turn = await withCheckedContinuation { continuation in
            let leads = queue.withLock { queue in
                if queue.isBusy {
                    queue.waiting.append(Waiter(claim: claim, continuation: continuation))
                    return false
                }
                queue.isBusy = true
                return true
            }
            if leads { continuation.resume(returning: .leads) }
        }
        switch turn {
        case .served(let result): return try result.get()
        case .leads: return try await lead(claim)
        }
    }

    private func lead(_ own: Claim) async throws -> [KeyChoice?] {
        let others = queue.withLock { queue in
            var count = own.targets.count
            let taken = queue.waiting.prefix { waiter in
                count += waiter.claim.targets.count
                return count <= Self.largestBatch
            }
            queue.waiting.removeFirst(taken.count)
            return Array(taken)
        }
        defer {
            let next = queue.withLock { queue -> Waiter? in
                if queue.waiting.isEmpty {
                    queue.isBusy = false
                    return nil
                }
                return queue.waiting.removeFirst()
            }
            next?.continuation.resume(returning: .leads)
        }
        let result: Result<[KeyChoice?], any Error>
        do {
            result = .success(try await serve([own] + others.map(\.claim)))
        } catch {
            result = .failure(error)
        }
        var start = own.targets.count
        for other in others {
            let end = start + other.claim.targets.count
            other.continuation.resume(returning: .served(result.map { Array($0[start..<end]) }))
            start = end
        }
        return Array(try result.get()[..<own.targets.count])
    }

    private func serve(_ claims: [Claim]) async throws -> [KeyChoice?] {
        var attempts = 0
        while true {
            let targets = claims.flatMap(\.targets)
            let choices = try queries.choose(targets)
            let (records, expected) = records(claims, targets, choices)
            do {
                if !records.isEmpty {
                    _ = try await environment.log.append(LogBatch(records: records, expected: expected))
                }
                return choices
            } catch {
                // An upload came between; after an empty batch it can be read.
                attempts += 1
                guard error.isConflict, attempts < 16 else { throw error }
                _ = try await environment.log.append(LogBatch(records: []))
            }
        }
    }

    private func records(
        _ claims: [Claim], _ targets: [KeyClaimTarget], _ choices: [KeyChoice?]
    ) -> ([NewRecord], [(StreamID, UInt64)]) {
        var records: [NewRecord] = []
        var expected: [StreamID: UInt64] = [:]
        var index = 0
        for claim in claims {
            for target in claim.targets {
                defer { index += 1 }
                guard let choice = choices[index], choice.isNews else { continue }
                let stream = KeyCommands.stream(of: target.user, target.deviceID)
                expected[stream] = choice.streamVersion
                let (user, device) = (target.user.rawValue, target.deviceID)
                if choice.isFallback {
                    let fact = FallbackKeyUsed(userID: user, deviceID: device, keyName: choice.name)
                    records.append(fact.record(stream: stream, actor: claim.actor, cause: claim.cause))
                } else {
                    let fact = OneTimeKeyClaimed(userID: user, deviceID: device, keyName: choice.name)
                    records.append(fact.record(stream: stream, actor: claim.actor, cause: claim.cause))
                }
            }
        }
        return (records, expected.map { ($0.key, $0.value) })
    }
}
