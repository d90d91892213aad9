/// Anything that can lend its bytes to the store as a key or a value.
package protocol StoreBytes {
    func withStoreBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R
}

extension UnsafeRawBufferPointer: StoreBytes {
    package func withStoreBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try body(self)
    }
}

extension Slice<UnsafeRawBufferPointer>: StoreBytes {
    package func withStoreBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try body(UnsafeRawBufferPointer(rebasing: self))
    }
}

extension [UInt8]: StoreBytes {
    package func withStoreBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try span.bytes.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) throws(E) -> R in try body(bytes) }
    }
}

extension ArraySlice<UInt8>: StoreBytes {
    package func withStoreBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try span.bytes.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) throws(E) -> R in try body(bytes) }
    }
}

extension String: StoreBytes {
    package func withStoreBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
        try utf8.span.bytes.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) throws(E) -> R in try body(bytes) }
    }
}

/// The store's order: byte by byte, a prefix before what it begins.
func orderOfBytes(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Int {
    let common = min(left.count, right.count)
    if common > 0, let leftBase = left.baseAddress, let rightBase = right.baseAddress {
        let order = compareMemory(leftBase, rightBase, common)
        if order != 0 { return order }
    }
    return left.count - right.count
}

func hasPrefix(_ bytes: UnsafeRawBufferPointer, _ prefix: UnsafeRawBufferPointer) -> Bool {
    guard bytes.count >= prefix.count else { return false }
    guard prefix.count > 0, let base = bytes.baseAddress, let prefixBase = prefix.baseAddress else { return true }
    return compareMemory(base, prefixBase, prefix.count) == 0
}
