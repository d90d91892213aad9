package import KeyValueStore

/// Keys of the user directory.
extension ViewKeys {
    /// What all words with a beginning begin with.
    package static func directoryWords(_ beginning: [UInt8]) -> StoreKey { StoreKey().appending(beginning) }

    /// A word by which a user is found. No word contains the 0 behind it, so of words with one beginning the shortest comes
    /// first.
    package static func directoryWord(_ word: [UInt8], _ user: UserNum) -> StoreKey {
        StoreKey().appending(word).appending(UInt8(0)).appending(user.rawValue)
    }

    /// The user at the end of such a key.
    package static func user(ofDirectoryWord key: UnsafeRawBufferPointer) -> UserNum? {
        guard key.count > 5 else { return nil }
        let number = key.loadUnaligned(fromByteOffset: key.count - 4, as: UInt32.self)
        return UserNum(rawValue: UInt32(bigEndian: number))
    }
}
