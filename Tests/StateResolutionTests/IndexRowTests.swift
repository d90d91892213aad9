import Testing

@testable import StateResolution

struct IndexRowTests {
    @Test func laterChangesOfASlotCount() {
        let difference = StateDifference([
            .init(slot: StateSlot(7), event: EventNumber(1)), .init(slot: StateSlot(3), event: nil),
            .init(slot: StateSlot(7), event: EventNumber(2)),
        ])
        #expect(
            difference.changes == [
                .init(slot: StateSlot(3), event: nil), .init(slot: StateSlot(7), event: EventNumber(2)),
            ])
    }
}

struct IndexDigestTests {
    /// The examples of FIPS 180-4's companion, and a message of several blocks.
    @Test(arguments: [
        ("", "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
        ("abc", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1"),
        (String(repeating: "a", count: 1_000), "291e9a6c66994949b57ba5e650361e98fc36b1ba"),
    ]) func sha1(message: String, expected: String) {
        let digest = SHA1.digest(message.utf8)
        let digits = Array("0123456789abcdef")
        #expect(String(digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }) == expected)
    }
}
