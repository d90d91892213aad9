import MatrixIdentifiers
import Testing

@Suite struct UserIDTests {
    private let server = ServerName("example.org:8448")

    @Test(arguments: [
        ("@alice:example.org", "alice", "example.org"), ("@a.b_c=-/+9:x:80", "a.b_c=-/+9", "x:80"),
        ("@:example.org", "", "example.org"), ("@Älice \n!:x", "Älice \n!", "x"), ("@a:[::1]:80", "a", "[::1]:80"),
        ("@\u{301}:x", "\u{301}", "x"), ("@@:x", "@", "x"), ("@a\r\n:x", "a\r\n", "x"),
    ])
    func `user IDs that servers must accept`(string: String, localpart: String, server: String) throws {
        let user = try UserID(parsing: string)
        #expect(Array(user.rawValue.utf8) == Array(string.utf8))
        #expect(Array(user.localpart.utf8) == Array(localpart.utf8))
        #expect(user.serverName == ServerName(server))
        #expect(user.isOn(try ServerName(parsing: server)))
        #expect(!user.isOn(try ServerName(parsing: "other")))
    }

    @Test(
        arguments: [
            ("", .empty), ("alice:example.org", .wrongSigil), ("!alice:example.org", .wrongSigil),
            ("@", .missingServerName),
            ("@alice", .missingServerName), ("@alice:", .invalidServerName), ("@alice:a b", .invalidServerName),
            ("@a:b:c", .invalidServerName), ("@a\u{0}:x", .containsNUL), ("@a:x\u{0}", .containsNUL),
            ("\u{301}@a:x", .wrongSigil),
        ] as [(String, IdentifierError.Reason)])
    func `strings that are no user IDs`(string: String, reason: IdentifierError.Reason) {
        #expect(throws: IdentifierError(.userID, reason)) { try UserID(parsing: string) }
        #expect(UserID(string) == nil)
        #expect(IdentifierError(.userID, reason).message.hasSuffix("."))
    }

    @Test func `the whole ID has at most 255 bytes`() throws {
        #expect(UserID("@" + String(repeating: "a", count: 252) + ":x") != nil)
        #expect(UserID("@" + String(repeating: "a", count: 253) + ":x") == nil)
        #expect(UserID("@" + String(repeating: "é", count: 127) + ":x") == nil)
        let x = try ServerName(parsing: "x")
        #expect(throws: IdentifierError(.userID, .tooLong)) {
            try UserID(localpart: String(repeating: "a", count: 253), server: x)
        }
    }

    @Test func `new IDs keep the current grammar`() throws {
        let server = try #require(server)
        #expect(try UserID(localpart: "a.b_c=-/+9", server: server).rawValue == "@a.b_c=-/+9:example.org:8448")
        for localpart in ["", "Alice", "a b", "é", "a:b", "a\u{0}", "a@b", "a!", "a\u{301}"] {
            #expect(throws: IdentifierError(.userID, .invalidLocalpart)) {
                try UserID(localpart: localpart, server: server)
            }
        }
    }

    @Test func `historical and non-compliant IDs are told apart`() throws {
        let table: [(String, current: Bool, compliant: Bool)] = [
            ("@alice:x", true, true), ("@Alice!:x", false, true), ("@:x", false, false), ("@a b:x", false, false),
            ("@é:x", false, false),
        ]
        for row in table {
            let user = try UserID(parsing: row.0)
            #expect(user.isCurrent == row.current && user.isCompliant == row.compliant)
        }
    }

    @Test func `identifiers compare by bytes`() throws {
        let composed = try UserID(parsing: "@\u{E9}:x")
        let decomposed = try UserID(parsing: "@e\u{301}:x")
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed, composed]).count == 2)
        #expect(decomposed < composed)
        let names = ["@\u{10000}:x", "@\u{E000}:x", "@a:x", "@_:x", "@a9:x", "@a10:x"].compactMap { UserID($0) }
        #expect(
            names.sorted().map(\.description) == ["@_:x", "@a10:x", "@a9:x", "@a:x", "@\u{E000}:x", "@\u{10000}:x"])
    }
}
