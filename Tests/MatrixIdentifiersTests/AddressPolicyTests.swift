import MatrixIdentifiers
import Testing

@Suite struct AddressPolicyTests {
    private func allows(_ address: String, _ policy: AddressPolicy = AddressPolicy()) throws -> Bool {
        policy.allows(try #require(AddressRange.bytes(of: address), "\(address)"))
    }

    @Test func privateAddressesAreNot() throws {
        for address in [
            "127.0.0.1", "127.255.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
            "0.0.0.0", "100.64.0.1", "224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fd00::1", "ff02::1",
            "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1", "2001:db8::1",
        ] {
            #expect(try !allows(address), "\(address)")
        }
        for address in ["8.8.8.8", "172.32.0.1", "193.0.0.1", "2a00:1450::1", "::ffff:8.8.8.8", "64:ff9b::808:808"] {
            #expect(try allows(address), "\(address)")
        }
    }

    @Test func exceptions() throws {
        let policy = AddressPolicy(allowed: [try #require(AddressRange("127.0.0.1"))])
        #expect(try allows("127.0.0.1", policy) && allows("::ffff:127.0.0.1", policy))
        #expect(try !allows("127.0.0.2", policy))
        let open = AddressPolicy(blocked: [])
        #expect(try allows("10.0.0.1", open) && !allows("0.0.0.0", open) && !allows("::", open))
    }

    @Test func ranges() throws {
        let range = try #require(AddressRange("10.128.0.0/9"))
        #expect(try range.contains(#require(AddressRange.bytes(of: "10.200.1.1"))))
        #expect(try !range.contains(#require(AddressRange.bytes(of: "10.1.1.1"))))
        #expect(try !range.contains(#require(AddressRange.bytes(of: "::1"))))
        #expect(try #require(AddressRange("0.0.0.0/0")).contains([1, 2, 3, 4]))
        for bad in ["", "x", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "::/129", "10.0.0", "1.2.3.4/8/8", "/8"] {
            #expect(AddressRange(bad) == nil, "\(bad)")
        }
        for text in AddressPolicy.privateRangeTexts { #expect(AddressRange(text) != nil, "\(text)") }
    }
}
