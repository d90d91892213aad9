import CanonicalJSON
import MatrixEvents
import MatrixIdentifiers
import Testing

@Suite struct ServerACLTests {
    private func permits(_ content: JSONObject, _ server: String) throws -> Bool {
        ServerACL(content: content).permits(try ServerName(parsing: server))
    }

    @Test func deniedBeforeAllowed() throws {
        let content: JSONObject = ["allow": ["*"], "deny": ["evil.com", "*.evil.com"]]
        #expect(try permits(content, "good.com"))
        #expect(try !permits(content, "evil.com"))
        #expect(try !permits(content, "a.b.evil.com"))
        #expect(try permits(content, "notevil.com"))
        #expect(try permits(content, "evil.com.org"))
    }

    /// "Therefore `evil.com`, `evil.com:8448`, and `evil.com:1234` would all match rules that apply to `evil.com`".
    @Test func portsAreNotConsidered() throws {
        let content: JSONObject = ["allow": ["*"], "deny": ["evil.com"]]
        for server in ["evil.com", "evil.com:8448", "evil.com:1234"] { #expect(try !permits(content, server)) }
        // A pattern with a port can match nothing.
        #expect(try permits(["allow": ["*"], "deny": ["evil.com:8448"]], "evil.com:8448"))
        #expect(try !permits(["allow": ["[::1]"], "deny": []], "[::2]:80"))
        #expect(try permits(["allow": ["[::1]"], "deny": []], "[::1]:80"))
    }

    @Test func caseIsNotConsidered() throws {
        let content: JSONObject = ["allow": ["*.Example.ORG"], "deny": ["BAD.example.org"]]
        #expect(try permits(content, "a.EXAMPLE.org"))
        #expect(try !permits(content, "bad.example.ORG"))
    }

    @Test(arguments: ["1.2.3.4", "1.2.3.4:8448", "[::1]", "[2001:db8::1]:443"])
    func addressLiterals(server: String) throws {
        #expect(try !permits(["allow": ["*"], "allow_ip_literals": false], server))
        for value in [JSONValue.bool(true), "false", 0, .null] {
            #expect(try permits(["allow": ["*"], "allow_ip_literals": value], server))
        }
        #expect(try permits(["allow": ["*"]], server))
    }

    @Test func namesThatLookLikeAddressesAreNames() throws {
        for server in ["1.2.3.4.example.org", "1.2.3", "x1.2.3.4"] {
            #expect(try permits(["allow": ["*"], "allow_ip_literals": false], server))
        }
    }

    /// "Failing to provide an `allow` rule of some kind will prevent **all** servers from participating in the room".
    @Test(arguments: [[:], ["allow": []], ["deny": []], ["allow": "*"], ["allow": [3, .null]]] as [JSONObject])
    func nothingAllowedIsEverythingDenied(content: JSONObject) throws {
        #expect(try !permits(content, "example.org"))
    }

    @Test(
        arguments: [
            ("*", "a", true), ("?", "a", true), ("?", "ab", false), ("a*c", "abbc", true), ("a*c", "ac", true),
            ("a*c", "acb", false), ("a?c", "ac", false), ("*a*b*", "xaxbx", true), ("*a*b*", "xbxax", false),
            ("**", "a", true), ("a**", "a", true), ("*ab", "aab", true), ("a.c", "abc", false), ("[a-z]", "b", false),
            ("", "a", false), ("*.*.org", "a.b.org", true), ("*.*.org", "b.org", false), ("ü*", "a", false),
        ] as [(String, String, Bool)])
    func globs(pattern: String, server: String, matches: Bool) throws {
        #expect(try permits(["allow": [.string(pattern)]], server) == matches)
    }

    /// A pattern made to be slow is not.
    @Test func manyStars() throws {
        let pattern = String(repeating: "*a", count: 20_000) + "*b"
        #expect(try !permits(["allow": [.string(pattern)]], String(repeating: "a", count: 255)))
    }
}
