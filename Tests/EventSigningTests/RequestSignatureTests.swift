import CanonicalJSON
import EventSigning
import MatrixIdentifiers
import Testing

@Suite struct XMatrixHeaderTests {
    @Test(arguments: [
        #"X-Matrix origin="a.test",destination="b.test",key="ed25519:k",sig="abc""#,
        #"x-MATRIX   sig=abc , KEY="ed25519:k"\#u{9},Destination=b.test,oRigin=a.test"#,
        #"X-Matrix origin=a.test,destination=b.test,key=ed25519:k,sig=abc"#,
        #"X-Matrix origin="a\.t\est",destination="b.test",key="ed25519:k",sig="abc",new="x,y=\"z\"""#,
        #"X-Matrix ,,origin = "a.test" , , destination="b.test",key="ed25519:k",sig="abc","#,
        #"X-Matrix\#u{9}origin=a.test,destination=b.test,key=ed25519:k,signature=abc"#,
    ])
    func everySpelling(text: String) throws {
        let header = try #require(XMatrixHeader(parsing: text))
        #expect(header.origin.rawValue == "a.test" && header.destination == "b.test")
        #expect(header.keyID == "ed25519:k" && header.signature == "abc")
    }

    @Test func unquotedBase64AndPortsAndAddresses() throws {
        let text = "X-Matrix origin=[::1]:8448,key=ed25519:k,sig=ab+/9w=="
        let header = try #require(XMatrixHeader(parsing: text))
        #expect(header.origin.rawValue == "[::1]:8448" && header.destination == nil && header.signature == "ab+/9w==")
    }

    @Test(arguments: [
        "X-Matrix", "X-Matrix ", "Bearer abc", "X-MatrixY origin=a.test,key=k,sig=s", "X-Matrix origin=a.test,key=k",
        "X-Matrix origin=a.test,sig=s", "X-Matrix key=k,sig=s", "X-Matrix origin=\"a.test,key=k,sig=s",
        "X-Matrix origin=a b,key=k,sig=s", "X-Matrix origin=a.test key=k sig=s", "X-Matrix origin=,key=k,sig=s",
        "X-Matrix origin=a.test,origin=b.test,key=k,sig=s", "X-Matrix origin=\"a.test\\",
        "X-Matrix =a,origin=a.test,key=k,sig=s", "X-Matrix origin=\"\",key=k,sig=s",
        "X-Matrix origin=\"a.test\"x,key=k,sig=s", "X-Matrix origin=a_b,key=k,sig=s",
    ])
    func whatIsMalformed(text: String) { #expect(XMatrixHeader(parsing: text) == nil) }

    @Test func longHeadersAreRefused() {
        let many = (0..<40).map { "p\($0)=x" }.joined(separator: ",")
        #expect(XMatrixHeader(parsing: "X-Matrix origin=a.test,key=k,sig=s,\(many)") == nil)
        #expect(
            XMatrixHeader(parsing: "X-Matrix origin=a.test,key=k,sig=" + String(repeating: "x", count: 5000)) == nil)
    }
}

@Suite struct RequestSignatureTests {
    private let key = SigningKey.generate(version: "k")
    private let origin = ServerName("a.test")
    private let destination = ServerName("b.test")

    /// As the specification's example builds it: the same bytes as an object signed as a whole.
    @Test(arguments: [nil, ["b": [1, 2], "a": "\u{e9}\"", "content": ["destination": "x"]]] as [JSONObject?])
    func isTheSignatureOfTheWholeObject(content: JSONObject?) throws {
        let origin = try #require(origin)
        let destination = try #require(destination)
        let request = RequestSignature(
            method: "PUT", target: "/_matrix/x?a=%20b", origin: origin, destination: "b.test",
            content: content?.canonicalBytes())
        let header = try request.signed(with: key, to: destination)
        var object: JSONObject = [
            "method": "PUT", "uri": "/_matrix/x?a=%20b", "origin": "a.test", "destination": "b.test",
        ]
        if let content { object["content"] = .object(content) }
        object["signatures"] = ["a.test": .object(JSONObject([(header.keyID, .string(header.signature))]))]
        #expect(
            SignatureVerifier.verify(object: object, name: "a.test", keyID: header.keyID, publicKey: key.publicKey))
        let read = try #require(XMatrixHeader(parsing: header.text))
        #expect(read == header && request.isProven(by: read, publicKey: key.publicKey))
        #expect(!request.isProven(by: read, publicKey: SigningKey.generate(version: "k").publicKey))
    }

    @Test func everyPartIsCovered() throws {
        let origin = try #require(origin)
        let destination = try #require(destination)
        func request(
            _ method: String = "GET", _ target: String = "/x", to: String? = "b.test", content: String? = "{}"
        ) -> RequestSignature {
            RequestSignature(
                method: method, target: target, origin: origin, destination: to, content: content.map { Array($0.utf8) }
            )
        }
        let header = try request().signed(with: key, to: destination)
        #expect(request().isProven(by: header, publicKey: key.publicKey))
        for other in [
            request("PUT"), request("GET", "/x?"), request(to: "c.test"), request(to: nil), request(content: nil),
            request(content: "{\"a\":1}"),
        ] {
            #expect(!other.isProven(by: header, publicKey: key.publicKey))
        }
    }
}
