import CSodium
import KeyValueStore

/// What a verification has found.
package struct LogVerification: Sendable {
    /// The first thing that is wrong.
    package struct Problem: Sendable {
        package let position: LogPosition
        package let what: String
    }

    package internal(set) var recordsChecked: UInt64 = 0
    package internal(set) var erasedRecords: UInt64 = 0
    package internal(set) var checkpointsChecked: UInt64 = 0
    package internal(set) var firstProblem: Problem?

    package var isValid: Bool { firstProblem == nil }
}

/// Walks the whole log once and recomputes everything that can be recomputed.
struct LogVerifier {
    private let storage: LogStorage
    private let publicKey: [UInt8]?
    private var result = LogVerification()
    private var expected: UInt64 = 1
    private var chain: Hash32
    private var versions: [StreamID: UInt64] = [:]
    /// Erased records with the digest of what is in their place, until an erasure record accounts for them.
    private var erased: [UInt64: Hash32] = [:]
    private var accounted: [UInt64: Hash32] = [:]

    init(storage: LogStorage, publicKey: [UInt8]?) {
        self.storage = storage
        self.publicKey = publicKey
        chain = storage.genesis
    }

    mutating func run(progress: (LogPosition) -> Void) throws -> LogVerification {
        var isDone = false
        while !isDone {
            isDone = try storage.environment.read { transaction in try checkChunk(transaction) }
            progress(LogPosition(rawValue: expected - 1))
        }
        return result
    }

    /// Checks some records in one short read; true when the end or a problem is reached.
    private mutating func checkChunk(_ transaction: borrowing ReadTransaction) throws -> Bool {
        var found = 0
        try transaction.forEach(storage.records, from: StoreKey(expected), limit: 1024) { key, value in
            found += 1
            do {
                try check(key, value)
            } catch LogFault.damaged(let position, let what) {
                note(position, what)
            } catch let fault as ByteFault {
                note(LogPosition(rawValue: expected), "its parts cannot be told apart: \(fault)")
            }
            expected &+= 1
            return result.firstProblem == nil
        }
        if result.firstProblem != nil { return true }
        guard found == 0 else { return false }
        // At the head, in the snapshot that proved it to be the head.
        try checkStreams(transaction)
        checkErasures()
        return true
    }

    private mutating func note(_ position: LogPosition, _ what: String) {
        if result.firstProblem == nil { result.firstProblem = LogVerification.Problem(position: position, what: what) }
    }

    private mutating func check(_ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) throws {
        let position = try LogStorage.position(key)
        guard position == expected else {
            throw LogFault.damaged(LogPosition(rawValue: expected), "the record is missing")
        }
        let stored = try StoredRecord(position: position, bytes: value)
        let record = try storage.decode(position: position, value, upToDate: false)
        let previous = chain
        chain = stored.chain
        try storage.withBody(stored) { body in
            guard stored.expectedChain(after: previous, texts: body.texts) == stored.chain else {
                throw LogFault.damaged(record.position, "the hash chain is broken")
            }
            if stored.isErased {
                result.erasedRecords += 1
                erased[position] = Hash32.plain(body.payload)
            } else if Hash32.digest(payload: body.payload, salt: stored.salt) != stored.digest {
                throw LogFault.damaged(record.position, "the payload does not match its digest")
            }
        }
        try checkStreamVersion(of: record)
        try checkSystemRecord(record, previous)
        result.recordsChecked += 1
    }

    private mutating func checkStreamVersion(of record: EventRecord) throws {
        guard record.stream.kind != .none else { return }
        let version = (versions[record.stream] ?? 0) + 1
        guard record.streamVersion == version else {
            throw LogFault.damaged(
                record.position, "it is number \(record.streamVersion) of \(record.stream), and should be \(version)")
        }
        versions[record.stream] = version
    }

    private mutating func checkSystemRecord(_ record: EventRecord, _ previous: Hash32) throws {
        if record.kind == .erasure {
            for item in try Erasure(payload: record.payload).items {
                accounted[item.position.rawValue] = item.replacement
            }
        }
        guard record.kind == .checkpoint else { return }
        let checkpoint = try record.payload.withUnsafeBytes { try CheckpointPayload($0) }
        guard checkpoint.position == record.position.rawValue - 1, checkpoint.chain == previous else {
            throw LogFault.damaged(record.position, "the checkpoint names another chain")
        }
        result.checkpointsChecked += 1
        guard let publicKey else { return }
        let signed = CheckpointPayload.signedBytes(
            logID: storage.logID, position: checkpoint.position, chain: checkpoint.chain)
        let isSigned =
            checkpoint.signature.count == Int(crypto_sign_ed25519_BYTES)
            && publicKey.count == Int(crypto_sign_ed25519_PUBLICKEYBYTES)
            && crypto_sign_ed25519_verify_detached(checkpoint.signature, signed, UInt64(signed.count), publicKey) == 0
        guard isSigned else { throw LogFault.damaged(record.position, "the checkpoint's signature is wrong") }
    }

    private mutating func checkStreams(_ transaction: borrowing ReadTransaction) throws {
        let head = LogPosition(rawValue: expected - 1)
        for (stream, version) in versions {
            var stored: UInt64 = 0
            if let value = try transaction.get(storage.streams, LogStorage.streamKey(stream)) {
                stored = try LogStorage.position(value)
            }
            if stored != version { note(head, "the table of streams says \(stored) for \(stream), not \(version)") }
        }
        if try transaction.count(storage.streams) != versions.count {
            note(head, "the table of streams has streams that no record has")
        }
    }

    private mutating func checkErasures() {
        for (position, replacement) in erased.sorted(by: { $0.key < $1.key }) {
            guard let digest = accounted[position] else {
                return note(LogPosition(rawValue: position), "it is erased, but no record says who did it")
            }
            if digest != replacement {
                return note(LogPosition(rawValue: position), "what replaces the erased payload was changed")
            }
        }
    }
}
