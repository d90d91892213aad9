import CCrypt
import CSodium
import CanonicalJSON
import Decisions
import Glibc
import Synchronization

/// Hashes and checks passwords on at most two threads of its own, so that a burst of logins neither starves other work
/// nor takes more than two hashes' memory.
package final class PasswordHashing: Sendable {
    /// What a hash costs. The defaults are what OWASP asks of argon2id: 19 MiB, two passes.
    package struct Cost: Sendable {
        package var passes: UInt64 = 2
        package var memoryBytes = 19 << 20

        package init() {}
        package init(passes: UInt64, memoryBytes: Int) {
            self.passes = passes
            self.memoryBytes = memoryBytes
        }
    }

    private typealias Job = @Sendable () -> Void

    private struct Pool {
        var queue: [Job] = []
        var threads = 0
    }

    private let pool = Mutex(Pool())
    private let maximumThreads: Int
    private let maximumQueue: Int
    private let cost: Cost
    /// Synapse's `password_config.pepper`, which its bcrypt hashes contain.
    private let pepper: [UInt8]

    package init(cost: Cost = Cost(), pepper: String = "", threads: Int = 2, queue: Int = 128) {
        self.cost = cost
        self.pepper = Array(pepper.utf8)
        maximumThreads = threads
        maximumQueue = queue
        _ = sodium_init()
    }

    /// An argon2id string of the password.
    package func hash(_ password: String) async throws -> String {
        let cost = cost
        let hashed = try await perform { Self.argon2id(password, cost: cost) }
        guard let hashed else { throw Self.outOfMemory }
        return hashed
    }

    /// The same on the caller's thread, for the command line.
    package static func hash(_ password: String) throws -> String {
        _ = sodium_init()
        guard let hashed = argon2id(password, cost: Cost()) else { throw outOfMemory }
        return hashed
    }

    private static let outOfMemory = Rejection(
        500, "M_UNKNOWN", "There is not enough memory to hash the password.")

    /// Whether the password is the one that was hashed. Takes as long when there is no hash to compare with.
    package func verify(_ password: String, against hash: String?) async throws -> Bool {
        let (cost, pepper) = (cost, pepper)
        return try await perform {
            guard let hash else {
                // The time of an answer must not tell whether the account exists.
                _ = Self.argon2id(password, cost: cost)
                return false
            }
            return Self.matches(password, hash, pepper: pepper)
        }
    }

    // MARK: Threads

    private func perform<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let isAccepted = enqueue { continuation.resume(returning: work()) }
            if !isAccepted {
                let wait: Int64 = 1000
                continuation.resume(
                    throwing: Rejection(
                        429, "M_LIMIT_EXCEEDED", "Too many passwords are being checked at once.",
                        extra: ["retry_after_ms": .integer(wait)]))
            }
        }
    }

    private func enqueue(_ job: @escaping Job) -> Bool {
        let (isAccepted, needsThread) = pool.withLock { pool -> (Bool, Bool) in
            guard pool.queue.count < maximumQueue else { return (false, false) }
            pool.queue.append(job)
            guard pool.threads < maximumThreads else { return (true, false) }
            pool.threads += 1
            return (true, true)
        }
        if needsThread, !startThread() {
            // No thread to be had: do the work here rather than never.
            drain()
        }
        return isAccepted
    }

    /// Starts a thread that ends when there is nothing more to do.
    private func startThread() -> Bool {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        pthread_attr_setstacksize(&attributes, 1 << 20)
        defer { pthread_attr_destroy(&attributes) }
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(self)
        let status = pthread_create(
            &thread, &attributes,
            { pointer in
                if let pointer { Unmanaged<PasswordHashing>.fromOpaque(pointer).takeRetainedValue().drain() }
                return nil
            }, argument.toOpaque())
        if status != 0 { argument.release() }
        return status == 0
    }

    private func drain() {
        while true {
            let job = pool.withLock { pool -> Job? in
                guard !pool.queue.isEmpty else {
                    pool.threads -= 1
                    return nil
                }
                return pool.queue.removeFirst()
            }
            guard let job else { return }
            job()
        }
    }

    // MARK: Algorithms

    private static func argon2id(_ password: String, cost: Cost) -> String? {
        var text = [CChar](repeating: 0, count: Int(crypto_pwhash_STRBYTES))
        let bytes = password.utf8.map { CChar(bitPattern: $0) }
        let status = crypto_pwhash_str(&text, bytes, UInt64(bytes.count), cost.passes, cost.memoryBytes)
        guard status == 0 else { return nil }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func matches(_ password: String, _ hash: String, pepper: [UInt8]) -> Bool {
        if hash.hasPrefix("$argon2") {
            let bytes = password.utf8.map { CChar(bitPattern: $0) }
            return crypto_pwhash_str_verify(hash, bytes, UInt64(bytes.count)) == 0
        }
        guard hash.hasPrefix("$2b$") || hash.hasPrefix("$2a$") || hash.hasPrefix("$2y$") else { return false }
        // bcrypt reads 72 bytes and stops at NUL; what it would not see must not count as the same password.
        let phrase = Array(password.utf8) + pepper
        guard !phrase.contains(0) else { return false }
        let terminated = phrase.prefix(72).map { CChar(bitPattern: $0) } + [0]
        var scratch: UnsafeMutableRawPointer?
        var scratchSize: Int32 = 0
        defer { free(scratch) }
        guard let answer = crypt_ra(terminated, hash, &scratch, &scratchSize) else { return false }
        let computed = Array(String(cString: answer).utf8)
        let stored = Array(hash.utf8)
        return computed.count == stored.count && sodium_memcmp(computed, stored, stored.count) == 0
    }
}
