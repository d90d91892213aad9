import MatrixIdentifiers
import Testing

@Suite struct ServerNameTests {
    @Test(
        arguments: [
            ("matrix.org", "matrix.org", nil), ("matrix.org:8888", "matrix.org", 8888), ("1.2.3.4", "1.2.3.4", nil),
            ("1.2.3.4:1234", "1.2.3.4", 1234), ("[1234:5678::abcd]", "[1234:5678::abcd]", nil),
            ("[1234:5678::abcd]:5678", "[1234:5678::abcd]", 5678), ("localhost", "localhost", nil),
            ("a", "a", nil), ("MATRIX.org:0", "MATRIX.org", 0), ("x-y.z:65535", "x-y.z", 65535), ("[::]", "[::]", nil),
            ("[::1]:00080", "[::1]", 80), ("[::ffff:1.2.3.4]", "[::ffff:1.2.3.4]", nil), ("1.2.3", "1.2.3", nil),
            ("[1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7:8]", nil), ("[1:2:3:4:5:6:1.2.3.4]", "[1:2:3:4:5:6:1.2.3.4]", nil),
            ("[1::]", "[1::]", nil), ("[fe80::1]", "[fe80::1]", nil),
        ] as [(String, String, UInt16?)])
    func `valid names are taken apart`(string: String, host: String, port: UInt16?) throws {
        let name = try ServerName(parsing: string)
        #expect(name.rawValue == string && name.host == host && name.port == port)
    }

    @Test(
        arguments: [
            ("", .empty), ("matrix.org:", .invalidPort), ("matrix.org:123456", .invalidPort),
            ("matrix.org:65536", .invalidPort),
            ("matrix.org:+80", .invalidPort), ("matrix.org:8a", .invalidPort), (":80", .invalidHost),
            ("a:b:80", .invalidHost),
            ("under_score", .invalidHost), ("sp ace", .invalidHost), ("é.org", .invalidHost), ("a/b", .invalidHost),
            ("a@b", .invalidHost), ("256.1.1.1", .invalidHost), ("1.2.3.0004", .invalidHost), ("[::1", .invalidHost),
            ("::1", .invalidHost), ("[]", .invalidHost), ("[:]", .invalidHost), ("[:::]", .invalidHost),
            ("[1::2::3]", .invalidHost), ("[1:2:3]", .invalidHost), ("[1:2:3:4:5:6:7:8:9]", .invalidHost),
            ("[1:2:3:4:5:6::8]", nil), ("[1:2:3:4:5:6:7:8::]", .invalidHost), ("[12345::]", .invalidHost),
            ("[g::]", .invalidHost), ("[:1:2:3:4:5:6:7]", .invalidHost), ("[1:2:3:4:5:6:7:]", .invalidHost),
            ("[::1.2.3]", .invalidHost), ("[::1]80", .invalidHost), ("[::1]:", .invalidPort),
            ("[\u{301}::1]", .invalidHost),
            ("a\u{0}b", .containsNUL), ("[1.2.3.4::]", .invalidHost), ("a\r\n", .invalidHost),
        ] as [(String, IdentifierError.Reason?)])
    func `invalid names are refused with their reason`(string: String, reason: IdentifierError.Reason?) {
        #expect(refusal(of: string) == reason)
        #expect((ServerName(string) == nil) == (reason != nil))
    }

    private func refusal(of string: String) -> IdentifierError.Reason? {
        do throws(IdentifierError) {
            _ = try ServerName(parsing: string)
            return nil
        } catch {
            return error.reason
        }
    }

    @Test func `length is bounded`() {
        #expect(ServerName(String(repeating: "a", count: 255)) != nil)
        #expect(ServerName(String(repeating: "a", count: 256)) == nil)
    }

    @Test func `address literals are told from names`() throws {
        #expect(try ServerName(parsing: "1.2.3.4:80").isAddressLiteral)
        #expect(try ServerName(parsing: "[::1]").isAddressLiteral)
        #expect(try !ServerName(parsing: "1.2.3.example").isAddressLiteral)
    }

    @Test func `names are case-sensitive`() throws {
        #expect(try ServerName(parsing: "matrix.org") != ServerName(parsing: "MATRIX.ORG"))
    }
}
