import CLMDB

/// A handle on a transaction, only for the store's own use.
package struct StoreTransactionHandle {
    let pointer: OpaquePointer
    let path: String
}

/// Reads from one snapshot. It lives only inside the closure of `StoreEnvironment.read`.
package struct ReadTransaction: ~Copyable, StoreReader {
    package let handle: StoreTransactionHandle

    init(handle: StoreTransactionHandle) {
        self.handle = handle
    }
}
