import CommandHandling
import EventSigning
import MatrixIdentifiers
import Testing

@Suite struct SecretsTests {
    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { byte in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }.joined()
    }

    // The vectors of RFC 3174, section 7.3.
    @Test(arguments: [
        ("abc", 1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
            "84983e441c3bd26ebaae4aa1f95129e5e54670f1"
        ),
        ("a", 1_000_000, "34aa973cd4c4daa4f61eeb2bdbad27316534016f"),
        (
            "0123456701234567012345670123456701234567012345670123456701234567", 10,
            "dea356a2cddd90c7a7ecedc5ebb563934f460452"
        ),
        ("", 1, "da39a3ee5e6b4b0d3255bfef95601890afd80709"),
    ]) func sha1(text: String, count: Int, digest: String) {
        let message = Array(repeatElement(Array(text.utf8), count: count).joined())
        #expect(hex(SHA1.digest(message)) == digest)
    }

    // The vectors of RFC 2202, section 3.
    @Test func authenticationCodes() {
        func code(_ key: [UInt8], _ message: String) -> String {
            hex(SHA1.authenticationCode(of: Array(message.utf8), key: key))
        }
        #expect(code([UInt8](repeating: 0x0B, count: 20), "Hi There") == "b617318655057264e28bc0b6fb378c8ef146be00")
        #expect(code(Array("Jefe".utf8), "what do ya want for nothing?") == "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79")
        #expect(
            code(
                [UInt8](repeating: 0xAA, count: 80),
                "Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data")
                == "e8e99d0f45237d786d6bbaa7965c7808bbff1a91")
    }

    @Test func base64() {
        let cases = [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("foobar", "Zm9vYmFy")]
        for (text, expected) in cases {
            #expect(UnpaddedBase64.encode(Array(text.utf8)) == expected)
        }
        #expect(UnpaddedBase64.encodeURLSafe([0xFF, 0xFE]) == "__4")
    }

    @Test func tokensAreHashed() {
        let token = AccessTokens.make(.access) { [UInt8](repeating: 7, count: $0) }
        #expect(token.hasPrefix("egm_"))
        #expect(token.utf8.count == 4 + 43)
        // BLAKE2b-256 of "abc".
        #expect(
            hex(AccessTokens.hash("abc")) == "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319")
    }

    private let cheap = PasswordHashing(cost: .init(passes: 1, memoryBytes: 1 << 20))

    @Test func argon2id() async throws {
        let hash = try await cheap.hash("pässwörd")
        #expect(hash.hasPrefix("$argon2id$"))
        #expect(try await cheap.verify("pässwörd", against: hash))
        #expect(try await !cheap.verify("password", against: hash))
        #expect(try await !cheap.verify("", against: nil))
    }

    @Test func bcryptOfOtherServers() async throws {
        // A vector of the bcrypt reference: the password U*U.
        let hash = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"
        #expect(try await cheap.verify("U*U", against: hash))
        #expect(try await !cheap.verify("U*V", against: hash))
        #expect(try await !cheap.verify("U*U\u{0}x", against: hash))
        #expect(try await !cheap.verify("U*U", against: "$2b$05$broken"))
        #expect(try await !cheap.verify("U*U", against: "plain"))
        let peppered = PasswordHashing(pepper: "*U")
        #expect(try await peppered.verify("U", against: hash))
    }

    @Test func manyHashesAtOnce() async throws {
        let hash = try await cheap.hash("secret")
        let right = try await withThrowingTaskGroup(of: Bool.self) { group in
            for index in 0..<40 {
                group.addTask { [cheap] in try await cheap.verify(index % 2 == 0 ? "secret" : "wrong", against: hash) }
            }
            return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
        }
        #expect(right == 20)
    }

    @Test func localparts() throws {
        let server = try ServerName(parsing: "example.org")
        #expect(try Localparts.userID(requested: "Alice", server: server).rawValue == "@alice:example.org")
        for bad in ["", "ali ce", "alïce", "_bridge", "12345", "a:b", "a\u{0}", String(repeating: "a", count: 250)] {
            #expect(throws: (any Error).self) { try Localparts.userID(requested: bad, server: server) }
        }
        #expect(
            try Localparts.userID(requested: "_bot", server: server, isPrivileged: true).rawValue
                == "@_bot:example.org")
    }
}
