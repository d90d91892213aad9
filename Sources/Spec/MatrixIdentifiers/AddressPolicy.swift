/// Which addresses the server may connect to when a user names them, so that nobody reaches into the network behind it.
package struct AddressPolicy: Sendable, Hashable {
    /// `ip_range_blacklist`.
    package var blocked: [AddressRange]
    /// `ip_range_whitelist`: allowed although they are blocked.
    package var allowed: [AddressRange]

    package init(blocked: [AddressRange] = Self.privateRanges, allowed: [AddressRange] = []) {
        self.blocked = blocked
        self.allowed = allowed
    }

    /// What nobody means who names a public service: private networks, this machine, links, documentation, multicast.
    package static let privateRangeTexts = [
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
        "224.0.0.0/4", "240.0.0.0/4", "::/128", "::1/128", "64:ff9b:1::/48", "100::/64", "2001:db8::/32", "fc00::/7",
        "fe80::/10", "fec0::/10", "ff00::/8",
    ]

    package static let privateRanges = privateRangeTexts.compactMap { AddressRange($0) }

    /// Whether an address of 4 or 16 bytes may be connected to.
    package func allows(_ address: [UInt8]) -> Bool {
        Self.meanings(of: address).allSatisfy { meaning in
            // Nobody can be there, and some systems take it for themselves.
            if meaning.allSatisfy({ $0 == 0 }) { return false }
            if allowed.contains(where: { $0.contains(meaning) }) { return true }
            return !blocked.contains { $0.contains(meaning) }
        }
    }

    /// The address, and the IPv4 address that it leads to when it carries one: mapped, compatible, translated or tunnelled.
    private static func meanings(of address: [UInt8]) -> [[UInt8]] {
        guard address.count == 16 else { return [address] }
        let zeros = address.prefix(10).allSatisfy { $0 == 0 }
        if zeros, address[10] == 0xff, address[11] == 0xff { return [Array(address[12...])] }
        if zeros, address[10] == 0, address[11] == 0, address[12...].prefix(3).contains(where: { $0 != 0 }) {
            return [address, Array(address[12...])]
        }
        if address.prefix(12).elementsEqual([0, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0]) {
            return [address, Array(address[12...])]
        }
        if address[0] == 0x20, address[1] == 0x02 { return [address, Array(address[2..<6])] }
        return [address]
    }
}
