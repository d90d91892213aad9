import CChecksum
import CSodium
import KeyValueStore

/// 32 bytes of BLAKE2b, without an allocation.
struct Hash32: Hashable, Sendable {
    private var words: (UInt64, UInt64, UInt64, UInt64)

    static let zero = Hash32(words: (0, 0, 0, 0))

    private init(words: (UInt64, UInt64, UInt64, UInt64)) {
        self.words = words
    }

    /// Nil unless there are exactly 32 bytes.
    init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == 32 else { return nil }
        words = bytes.loadUnaligned(as: (UInt64, UInt64, UInt64, UInt64).self)
    }

    func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try withUnsafeBytes(of: words, body)
    }

    var bytes: [UInt8] { withBytes { Array($0) } }

    static func == (left: Hash32, right: Hash32) -> Bool { left.words == right.words }

    func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }

    /// The salted digest of a payload. The salt keeps a short payload from being guessed once it is erased.
    static func digest(payload: UnsafeRawBufferPointer, salt: UnsafeRawBufferPointer) -> Hash32 {
        blake2b(payload, salt: salt, personal: payloadPersonal)
    }

    /// Four salted digests in the time of about two, where the processor has the registers for it.
    ///
    /// - Parameter salts: of the four payloads, one after the other.
    static func digests(
        payloads: (UnsafeRawBufferPointer, UnsafeRawBufferPointer, UnsafeRawBufferPointer, UnsafeRawBufferPointer),
        salts: UnsafeRawBufferPointer
    ) -> (Hash32, Hash32, Hash32, Hash32) {
        var hashes = (Hash32.zero, Hash32.zero, Hash32.zero, Hash32.zero)
        let isDone = withUnsafeMutableBytes(of: &hashes) { output in
            engram_blake2b_four(
                message(payloads.0), message(payloads.1), message(payloads.2), message(payloads.3),
                salts.baseAddress, payloadPersonal.utf8Start, output.baseAddress) != 0
        }
        if isDone { return hashes }
        let size = salts.count / 4
        let salt = { (lane: Int) in UnsafeRawBufferPointer(rebasing: salts[(lane * size)..<((lane + 1) * size)]) }
        return (
            digest(payload: payloads.0, salt: salt(0)), digest(payload: payloads.1, salt: salt(1)),
            digest(payload: payloads.2, salt: salt(2)), digest(payload: payloads.3, salt: salt(3))
        )
    }

    private static func message(_ bytes: UnsafeRawBufferPointer) -> engram_message {
        engram_message(bytes: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), count: bytes.count)
    }

    private static let payloadPersonal: StaticString = "engram payload 1"

    /// A link of the chain.
    static func chain(_ input: UnsafeRawBufferPointer) -> Hash32 {
        blake2b(input, salt: nil, personal: "engram chain 001")
    }

    /// The digest of anything else, such as a dictionary or what replaces an erased payload.
    static func plain(_ input: UnsafeRawBufferPointer) -> Hash32 {
        blake2b(input, salt: nil, personal: "engram plain 001")
    }

    static func plain(_ input: [UInt8]) -> Hash32 { input.withUnsafeBytes { plain($0) } }

    private static func blake2b(
        _ input: UnsafeRawBufferPointer, salt: UnsafeRawBufferPointer?, personal: StaticString
    ) -> Hash32 {
        var hash = Hash32.zero
        withUnsafeMutableBytes(of: &hash.words) { output in
            guard let base = output.baseAddress else { return }
            // The lengths are right by construction, so the function cannot fail.
            _ = crypto_generichash_blake2b_salt_personal(
                base, output.count, input.baseAddress, UInt64(input.count), nil, 0, salt?.baseAddress,
                personal.utf8Start)
        }
        return hash
    }
}

/// libsodium picks its fastest code, and seeds itself, when it is initialised.
let sodiumIsReady: Bool = sodium_init() >= 0
