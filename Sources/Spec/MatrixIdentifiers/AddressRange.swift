import Glibc

/// A range of IP addresses, as `10.0.0.0/8`, `fe80::/10` or a single address.
package struct AddressRange: Sendable, Hashable {
    /// 4 bytes or 16.
    private let bytes: [UInt8]
    private let prefixLength: Int

    package init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let bytes = Self.bytes(of: String(parts[0])) else { return nil }
        var length = bytes.count * 8
        if parts.count == 2 {
            let digits = parts[1].utf8
            guard !digits.isEmpty, digits.count <= 3, digits.allSatisfy({ (0x30...0x39).contains($0) }),
                let number = Int(parts[1]), number <= length
            else { return nil }
            length = number
        }
        self.bytes = bytes
        prefixLength = length
    }

    /// The bytes of an address in its usual text form; nil when it is none.
    package static func bytes(of address: String) -> [UInt8]? {
        var four = in_addr()
        if inet_pton(AF_INET, address, &four) == 1 { return withUnsafeBytes(of: four) { Array($0) } }
        var sixteen = in6_addr()
        if inet_pton(AF_INET6, address, &sixteen) == 1 { return withUnsafeBytes(of: sixteen) { Array($0) } }
        return nil
    }

    /// Whether an address of 4 or 16 bytes is in the range.
    package func contains(_ address: [UInt8]) -> Bool {
        guard address.count == bytes.count else { return false }
        let whole = prefixLength / 8
        guard address.prefix(whole).elementsEqual(bytes.prefix(whole)) else { return false }
        let bits = prefixLength % 8
        guard bits > 0 else { return true }
        let mask = UInt8(truncatingIfNeeded: 0xff00 >> bits)
        return address[whole] & mask == bytes[whole] & mask
    }
}
