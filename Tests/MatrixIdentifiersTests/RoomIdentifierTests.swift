import MatrixIdentifiers
import Testing

/// Room IDs, event IDs, room aliases and device IDs.
@Suite struct RoomIdentifierTests {
    static let hash = "31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM"

    @Test func `room IDs come with and without a server name`() throws {
        let old = try RoomID(parsing: "!opaque:example.org:80")
        #expect(old.opaque == "opaque" && old.serverName?.rawValue == "example.org:80" && old.createEventID == nil)
        let new = try RoomID(parsing: "!" + Self.hash)
        #expect(new.opaque == Self.hash && new.serverName == nil)
        #expect(new.createEventID?.rawValue == "$" + Self.hash)
        #expect(RoomID(createEventID: try EventID(referenceHash: Self.hash)) == new)
        #expect(try RoomID(opaque: "abc", server: ServerName(parsing: "x")).rawValue == "!abc:x")
        #expect(throws: IdentifierError(.roomID, .invalidLocalpart)) {
            try RoomID(opaque: "a:b", server: ServerName(parsing: "x"))
        }
    }

    @Test(
        arguments: [
            ("", .empty), ("!", .invalidLocalpart), ("room", .wrongSigil), ("#a:x", .wrongSigil),
            ("!a:", .invalidServerName),
            ("!a:b c", .invalidServerName), ("!a\u{0}:x", .containsNUL),
        ] as [(String, IdentifierError.Reason)])
    func `strings that are no room IDs`(string: String, reason: IdentifierError.Reason) {
        #expect(throws: IdentifierError(.roomID, reason)) { try RoomID(parsing: string) }
    }

    @Test func `event IDs come as hashes and with a server name`() throws {
        let hashed = try EventID(parsing: "$" + Self.hash)
        #expect(hashed.opaque == Self.hash && hashed.serverName == nil)
        #expect(try EventID(parsing: "$acR1l0raoZnm60CBwAVgqbZqoO/mYU81xysh1u7XcJk").serverName == nil)
        let old = try EventID(parsing: "$1234abc:example.org")
        #expect(old.opaque == "1234abc" && old.serverName?.rawValue == "example.org")
        #expect(try EventID(opaque: "1234abc", server: ServerName(parsing: "example.org")) == old)
        for string in ["", "$", "!a", "a", "$a:b c", "$a\u{0}"] { #expect(EventID(string) == nil) }
        #expect(throws: IdentifierError.self) { try EventID(referenceHash: "a:b") }
    }

    @Test func `room aliases need a localpart and a server name`() throws {
        let alias = try RoomAlias(parsing: "#Ünïcode room!:example.org")
        #expect(alias.localpart == "Ünïcode room!" && alias.serverName.rawValue == "example.org")
        #expect(try RoomAlias(localpart: "a", server: ServerName(parsing: "x")).rawValue == "#a:x")
        #expect(throws: IdentifierError(.roomAlias, .invalidLocalpart)) { try RoomAlias(parsing: "#:x") }
        #expect(throws: IdentifierError(.roomAlias, .missingServerName)) { try RoomAlias(parsing: "#a") }
        for string in ["", "#", "a:x", "#a:", "#a\u{0}:x", "#a:b:c"] { #expect(RoomAlias(string) == nil) }
        #expect(throws: IdentifierError.self) { try RoomAlias(localpart: "a:b", server: ServerName(parsing: "x")) }
    }

    @Test func `a combining mark behind the sigil stays in the localpart`() throws {
        #expect(Array(try RoomAlias(parsing: "#\u{301}a:x").localpart.unicodeScalars) == ["\u{301}", "a"])
        let room = try RoomID(parsing: "!\u{301}a")
        #expect(room.createEventID.map { Array($0.rawValue.unicodeScalars) } == ["$", "\u{301}", "a"])
    }

    @Test func `device IDs are any short text`() throws {
        #expect(try DeviceID(parsing: "GHTYAJCE").rawValue == "GHTYAJCE")
        #expect(DeviceID("my phone é:/") != nil)
        #expect(DeviceID("") == nil && DeviceID("a\u{0}") == nil)
        #expect(
            DeviceID(String(repeating: "a", count: 255)) != nil && DeviceID(String(repeating: "a", count: 256)) == nil)
    }
}
