import CanonicalJSON
import Testing

/// The examples of the specification's appendix "Canonical JSON", in its order.
@Suite struct SpecificationVectorTests {
    struct Vector: Sendable, CustomTestStringConvertible {
        let input: String
        let canonical: String

        init(_ input: String, _ canonical: String) {
            self.input = input
            self.canonical = canonical
        }

        var testDescription: String { canonical }
    }

    static let account = """
        {
            "auth": {
                "success": true,
                "mxid": "@john.doe:example.com",
                "profile": {
                    "display_name": "John Doe",
                    "three_pids": [
                        {
                            "medium": "email",
                            "address": "john.doe@example.org"
                        },
                        {
                            "medium": "msisdn",
                            "address": "123456789"
                        }
                    ]
                }
            }
        }
        """
    static let canonicalAccount =
        #"{"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":["#
        + #"{"address":"john.doe@example.org","medium":"email"},{"address":"123456789","medium":"msisdn"}]},"#
        + #""success":true}}"#

    static let vectors = [
        Vector("{}", "{}"),
        Vector("{\n    \"one\": 1,\n    \"two\": \"Two\"\n}", #"{"one":1,"two":"Two"}"#),
        Vector("{\n    \"b\": \"2\",\n    \"a\": \"1\"\n}", #"{"a":"1","b":"2"}"#),
        Vector(#"{"b":"2","a":"1"}"#, #"{"a":"1","b":"2"}"#),
        Vector(account, canonicalAccount),
        Vector(#"{ "a": "日本語" }"#, #"{"a":"日本語"}"#),
        Vector(#"{ "本": 2, "日": 1 }"#, #"{"日":1,"本":2}"#),
        Vector(#"{ "a": "\u65E5" }"#, #"{"a":"日"}"#),
        Vector(#"{ "a": null }"#, #"{"a":null}"#),
        // Not canonical as it arrives: the transformation, not the acceptance, is what this example shows.
        Vector(#"{ "a": -0, "b": 1e10 }"#, #"{"a":0,"b":10000000000}"#),
    ]

    @Test(arguments: vectors) func `every example gives its canonical form`(vector: Vector) throws {
        #expect(try canonicalByTree(vector.input) == vector.canonical)
        #expect(try canonicalByTape(vector.input) == vector.canonical)
    }

    @Test(arguments: vectors) func `every canonical form is its own canonical form`(vector: Vector) throws {
        #expect(try canonicalByTree(vector.canonical, limits: .pdu) == vector.canonical)
        #expect(try canonicalByTape(vector.canonical, limits: .pdu) == vector.canonical)
    }
}

func canonicalByTree(_ text: String, limits: JSONLimits = .clientBody) throws -> String {
    String(decoding: try JSONValue.parse(Array(text.utf8), limits: limits).canonicalBytes(), as: UTF8.self)
}

func canonicalByTape(_ text: String, limits: JSONLimits = .clientBody) throws -> String {
    let document = try JSONDocument(parsing: Array(text.utf8), limits: limits)
    return String(decoding: document.root.canonicalBytes(), as: UTF8.self)
}

/// The error that both readings of a text must give; nil when it is accepted.
func refusal(of bytes: [UInt8], limits: JSONLimits = .clientBody) -> JSONError? {
    do throws(JSONError) {
        _ = try JSONValue.parse(bytes, limits: limits)
        return nil
    } catch {
        return error
    }
}

func refusal(of text: String, limits: JSONLimits = .clientBody) -> JSONError? {
    refusal(of: Array(text.utf8), limits: limits)
}
