import CanonicalJSON
import EventSigning
import FederationAPI
import FederationCommands
import MatrixIdentifiers
import Testing

@testable import HTTPFront

@Suite(.timeLimit(.minutes(10))) struct XMatrixAuthenticationTests {
    private let key = SigningKey.generate(version: "k")

    private func name(_ text: String) throws -> ServerName { try ServerName(parsing: text) }

    private func house(allowed: [String]? = nil) throws -> SigningHouse {
        let house = try SigningHouse(allowed: try allowed.map { Set(try $0.map(name)) })
        house.peers.set(PublishedKeys(serverName: try name("there.test"), signingKey: key))
        return house
    }

    private func header(
        _ target: String, method: String = "GET", origin: String = "there.test", destination: String? = "here.test",
        body: JSONValue? = nil, key: SigningKey? = nil
    ) throws -> String {
        let signed = RequestSignature(
            method: method, target: target, origin: try name(origin), destination: destination,
            content: body?.canonicalBytes())
        let header = try signed.signed(with: key ?? self.key, to: try name(destination ?? "here.test"))
        guard destination == nil else { return header.text }
        return header.text.replacing("destination=\"here.test\",", with: "")
    }

    private func request(
        _ target: String, headers: [String], method: HTTPFront.HTTPMethod = .get, body: String = ""
    ) throws -> HTTPRequest {
        let parsed = try #require(RequestTarget(target))
        return HTTPRequest(
            method: method, rawPath: parsed.rawPath, pathSegments: parsed.segments, query: parsed.query,
            headers: HTTPRequestHeaders(headers.map { ("Authorization", $0) }), body: Array(body.utf8))
    }

    private func refusal(_ house: SigningHouse, _ request: HTTPRequest) async throws -> (Int, String) {
        do {
            let origin = try await house.authentication.origin(of: request)
            Issue.record("\(origin) was believed")
            return (200, "")
        } catch let error as MatrixError {
            return (error.status, error.errcode)
        }
    }

    @Test(arguments: ["/_matrix/x", "/_matrix/x?a=%20b&c", "/_matrix/x?", "/_matrix/%C3%A9%2F/y?a+b"])
    func signedRequestsAreBelieved(target: String) async throws {
        let house = try house()
        for _ in 0..<3 {
            let request = try request(target, headers: [try header(target)])
            #expect(try await house.authentication.origin(of: request).rawValue == "there.test")
        }
        #expect(house.peers.requests == 1)
        #expect(house.told.all.count == 3)
    }

    @Test func theBodyIsCoveredHoweverItIsSpelled() async throws {
        let house = try house()
        let header = try header("/x", method: "PUT", body: ["a": 1, "b": "\u{e9}"])
        for body in [#"{"a":1,"b":"é"}"#, #" { "b" : "\u00e9", "a": 1 } "#] {
            let request = try request("/x", headers: [header], method: .put, body: body)
            #expect(try await house.authentication.origin(of: request).rawValue == "there.test")
        }
        for body in [#"{"a":2,"b":"é"}"#, "", "{}"] {
            let request = try request("/x", headers: [header], method: .put, body: body)
            #expect(try await refusal(house, request) == (401, "M_UNAUTHORIZED"))
        }
        let broken = try request("/x", headers: [header], method: .put, body: "{")
        #expect(try await refusal(house, broken) == (400, "M_NOT_JSON"))
    }

    /// "For compatibility with older servers, recipients should accept requests without this parameter".
    @Test func olderServersDoNotSayWhoIsMeant() async throws {
        let house = try house()
        let request = try request("/x", headers: [try header("/x", destination: nil)])
        #expect(try await house.authentication.origin(of: request).rawValue == "there.test")
    }

    @Test func everythingElseIsRefused() async throws {
        let house = try house()
        let good = try header("/x")
        let stranger = SigningKey.generate(version: "k")
        let unauthorized = (401, "M_UNAUTHORIZED")
        for headers in [
            [], ["Bearer abc"], ["X-Matrix"], [good.replacing("origin", with: "origine")],
            [try header("/x", destination: "elsewhere.test")], [try header("/y")], [try header("/x", method: "PUT")],
            [try header("/x", key: stranger)], [try header("/x", origin: "nobody.test")],
            [good.replacing("ed25519:k", with: "ed25519:z")], [good.replacing("ed25519:k", with: "rsa:k")],
            [good, try header("/x", origin: "other.test")], [String](repeating: good, count: 5),
            [good.replacing("sig=\"", with: "sig=\"A")],
        ] {
            #expect(try await refusal(house, try request("/x", headers: headers)) == unauthorized, "\(headers)")
        }
        // One that is wrong beside one that is right: the right one counts.
        let two = try request("/x", headers: ["Bearer abc", try header("/x", key: stranger), good])
        #expect(try await house.authentication.origin(of: two).rawValue == "there.test")
        #expect(house.told.all.count == 1)
    }

    @Test func onlyThoseOfTheWhitelistAreTaken() async throws {
        let house = try house(allowed: ["other.test"])
        let there = try request("/x", headers: [try header("/x")])
        #expect(try await refusal(house, there) == (403, "M_FORBIDDEN"))
        let own = try SigningKey(seed: [UInt8](repeating: 1, count: 32), keyID: "ed25519:h")
        let ourselves = try request("/x", headers: [try header("/x", origin: "here.test", key: own)])
        #expect(try await refusal(try self.house(), ourselves) == (403, "M_FORBIDDEN"))
        #expect(house.peers.requests == 0)
    }

    /// "`old_verify_keys` which are only valid for signing events."
    @Test func retiredKeysSignNoRequests() async throws {
        let house = try house()
        let current = SigningKey.generate(version: "new")
        let old = PublishedKeys.OldKey(id: key.keyID, publicKey: key.publicKey, expired: .max)
        house.peers.set(
            PublishedKeys(serverName: try name("there.test"), signingKey: current, oldKeys: [old]))
        let retired = try request("/x", headers: [try header("/x")])
        #expect(try await refusal(house, retired) == (401, "M_UNAUTHORIZED"))
        let fresh = try request("/x", headers: [try header("/x", key: current)])
        #expect(try await house.authentication.origin(of: fresh).rawValue == "there.test")
    }

    @Test func keysWhoseTimeIsOverAreAskedForAgain() async throws {
        let house = try house()
        let request = try request("/x", headers: [try header("/x")])
        _ = try await house.authentication.origin(of: request)
        house.clock.advance(86_400_001)
        #expect(try await house.authentication.origin(of: request).rawValue == "there.test")
        #expect(house.peers.requests == 2)
    }
}

@Suite(.timeLimit(.minutes(10))) struct KeyAPITests {
    @Test func publishesOurKeys() async throws {
        let house = try SigningHouse()
        for path in ["/_matrix/key/v2/server", "/_matrix/key/v2/server/", "/_matrix/key/v2/server/ed25519:h"] {
            let answer = try await house.call(.get, path)
            #expect(answer.status == 200)
            #expect(answer.json["server_name"] == "here.test")
            let object = try #require(answer.json.objectValue)
            let key = try SigningKey(seed: [UInt8](repeating: 1, count: 32), keyID: "ed25519:h")
            #expect(
                SignatureVerifier.verify(
                    object: object, name: "here.test", keyID: "ed25519:h", publicKey: key.publicKey))
        }
    }

    @Test func answersForOthers() async throws {
        let house = try SigningHouse()
        let there = PublishedKeys(
            serverName: try ServerName(parsing: "there.test"), signingKey: .generate(version: "t"))
        house.peers.set(there)
        let own = try SigningKey(seed: [UInt8](repeating: 1, count: 32), keyID: "ed25519:h")
        let one = try await house.call(.get, "/_matrix/key/v2/query/there.test")
        let many = try await house.call(
            .post, "/_matrix/key/v2/query",
            body:
                #"{"server_keys":{"there.test":{"ed25519:t":{"minimum_valid_until_ts":5}},"away.test":{},"here.test":{}}}"#
        )
        #expect(one.status == 200 && many.status == 200)
        #expect(one.json["server_keys"]?.arrayValue?.count == 1)
        let documents = try #require(many.json["server_keys"]?.arrayValue)
        #expect(documents.compactMap { $0["server_name"]?.stringValue } == ["here.test", "there.test"])
        for document in documents {
            let object = try #require(document.objectValue)
            #expect(
                SignatureVerifier.verify(
                    object: object, name: "here.test", keyID: "ed25519:h", publicKey: own.publicKey))
        }
        #expect(documents.last?["signatures"]?["there.test"] != nil)
        let none = try await house.call(.post, "/_matrix/key/v2/query", body: #"{"server_keys":{}}"#)
        #expect(none.status == 200 && none.json == ["server_keys": []])
    }

    @Test(arguments: [
        ("", 400), ("{", 400), ("[]", 400), ("{}", 400), (#"{"server_keys":5}"#, 400),
        (#"{"server_keys":{"a b":{}}}"#, 400), (#"{"server_keys":{"a.b":5}}"#, 400),
        (#"{"server_keys":{"a.b":{"ed25519:x":1}}}"#, 400),
        (#"{"server_keys":{"a.b":{"ed25519:x":{"minimum_valid_until_ts":"1"}}}}"#, 400),
    ])
    func badQueriesAreRefused(body: String, status: Int) async throws {
        let house = try SigningHouse()
        #expect(try await house.call(.post, "/_matrix/key/v2/query", body: body).status == status)
        let many = (0..<201).map { "\"s\($0).test\":{}" }.joined(separator: ",")
        let tooMany = try await house.call(.post, "/_matrix/key/v2/query", body: "{\"server_keys\":{\(many)}}")
        #expect(tooMany.status == 413)
        for target in ["/_matrix/key/v2/query/a%20b", "/_matrix/key/v2/query/a.b?minimum_valid_until_ts=-1"] {
            #expect(try await house.call(.get, target).status == 400)
        }
        #expect(house.peers.requests == 0)
    }

    @Test func saysWhereItIsFoundWhenThatIsWanted() async throws {
        let path = "/.well-known/matrix/server"
        #expect(try await SigningHouse().call(.get, path).status == 404)
        let told = try await SigningHouse(servesWellKnown: true).call(.get, path)
        #expect(told.status == 200 && told.json == ["m.server": "here.test:443"])
    }
}
