import CSodium

/// BLAKE2b-256 of what comes piece by piece.
package struct RunningHash: ~Copyable {
    private let state: UnsafeMutableRawPointer
    private var buffer: [UInt8] = []

    package init() {
        state = .allocate(byteCount: crypto_generichash_statebytes(), alignment: 64)
        crypto_generichash_init(OpaquePointer(state), nil, 0, 32)
        buffer.reserveCapacity(1 << 17)
    }

    deinit {
        state.deallocate()
    }

    package mutating func update(number: UInt64) {
        withUnsafeBytes(of: number.bigEndian) { buffer.append(contentsOf: $0) }
    }

    package mutating func update(framed bytes: some Collection<UInt8>) {
        update(number: UInt64(bytes.count))
        buffer.append(contentsOf: bytes)
        if buffer.count >= 1 << 16 { drain() }
    }

    private mutating func drain() {
        crypto_generichash_update(OpaquePointer(state), buffer, UInt64(buffer.count))
        buffer.removeAll(keepingCapacity: true)
    }

    package mutating func finish() -> [UInt8] {
        drain()
        var digest = [UInt8](repeating: 0, count: 32)
        crypto_generichash_final(OpaquePointer(state), &digest, 32)
        return digest
    }
}
