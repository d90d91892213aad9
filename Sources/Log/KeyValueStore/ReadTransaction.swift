import CLMDB

/// A handle on a transaction, only for the store's own use.
package struct StoreTransactionHandle {
    let pointer: OpaquePointer
    let path: String
}

/// Reads from one snapshot. It lives only inside the closure of `StoreEnvironment.read`.
package struct ReadTransaction: ~Copyable, StoreReader {
    package let handle: StoreTransactionHandle

    // The compiler (6.3.1, optimising) crashes on `read` when this initialiser is the synthesised one.
    init(_ handle: StoreTransactionHandle) {
        self.handle = handle
    }
}
