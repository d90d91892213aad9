package import KeyValueStore

/// Keys of other servers' signing keys.
extension ViewKeys {
    /// What all keys of one server begin with. No name of a server has the byte that ends it.
    package static func serverKeys(of server: String) -> StoreKey {
        StoreKey().appending(Array(server.utf8)).appending(0 as UInt8)
    }

    package static func serverKey(_ server: String, _ keyID: String) -> StoreKey {
        serverKeys(of: server).appending(Array(keyID.utf8))
    }

    package static func serverKeyDocument(of server: String) -> StoreKey { StoreKey().appending(Array(server.utf8)) }
}
