import Testing

@testable import HTTPFront

@Suite struct RouterTests {
    private static let templates: [(HTTPMethod, String)] = [
        (.get, "/_matrix/client/versions"),
        (.get, "/_matrix/client/{version:r0|v3}/sync"),
        (.put, "/_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}"),
        (.get, "/_matrix/client/v3/rooms/{roomId}/state"),
        (.get, "/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}"),
        (.put, "/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}"),
        (.get, "/_matrix/client/v3/profile/{userId}"),
        (.get, "/_matrix/client/v3/profile/{userId}/{field}"),
        (.get, "/_matrix/client/v3/pushrules"),
        (.get, "/_matrix/client/v3/pushrules/global/{rest*}"),
        (.get, "/_matrix/client/v3/directory/list/room/{roomId}"),
        (.get, "/_matrix/client/v3/directory/room/{alias}"),
        (.get, "/_matrix/client/v3/directory/{kind}/room"),
        (.get, "/"),
    ]
    private let router = Router(
        Self.templates.map { Route($0.0, $0.1, .immediate { _ in .emptyObject }) })

    private func outcome(_ method: HTTPMethod, _ uri: String) -> String {
        guard let target = RequestTarget(uri) else { return "invalid" }
        switch router.match(method, target.segments) {
        case .unknownPath: return "404"
        case .wrongMethod(let allowed): return "405 " + allowed.map(\.name).joined(separator: ",")
        case .found(let index):
            let route = router.routes[index]
            let parameters = PathParameters(of: route, segments: target.segments)
            return ([route.template] + route.parameterNames.map { "\($0)=\(parameters[$0])" }).joined(separator: " ")
        }
    }

    @Test(arguments: [
        ("/_matrix/client/versions", "/_matrix/client/versions"),
        ("/_matrix/client/versions?x=/a/b", "/_matrix/client/versions"),
        ("http://host/_matrix/client/versions", "/_matrix/client/versions"),
        ("/_matrix/client/r0/sync", "/_matrix/client/{version:r0|v3}/sync version=r0"),
        ("/_matrix/client/v4/sync", "404"),
        ("/_matrix/client/v3/rooms/!a%3Ab/state", "/_matrix/client/v3/rooms/{roomId}/state roomId=!a:b"),
        ("/_matrix/client/v3/rooms/!a:b/state/", "/_matrix/client/v3/rooms/{roomId}/state roomId=!a:b"),
        (
            "/_matrix/client/v3/rooms/!a:b/state/m.room.member/@u%2Fv:b",
            "/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey} roomId=!a:b eventType=m.room.member stateKey=@u/v:b"
        ),
        ("/_matrix/client/v3/rooms//state", "404"),
        ("/_matrix/client/v3/pushrules/", "/_matrix/client/v3/pushrules"),
        ("/_matrix/client/v3/pushrules/global/", "/_matrix/client/v3/pushrules/global/{rest*} rest="),
        (
            "/_matrix/client/v3/pushrules/global/override/.m%2Frule",
            "/_matrix/client/v3/pushrules/global/{rest*} rest=override/.m/rule"
        ),
        ("/_matrix/client/v3/directory/list/room", "/_matrix/client/v3/directory/{kind}/room kind=list"),
        ("/_matrix/client/v3/directory/list/room/!r", "/_matrix/client/v3/directory/list/room/{roomId} roomId=!r"),
        ("/_matrix/client/v3/directory/room/room", "/_matrix/client/v3/directory/room/{alias} alias=room"),
        (
            "/_matrix/client/v3/profile/@a:b/displayname",
            "/_matrix/client/v3/profile/{userId}/{field} userId=@a:b field=displayname"
        ),
        ("/", "/"), ("", "invalid"), ("nowhere", "invalid"), ("/%zz", "invalid"), ("/a%00", "invalid"),
        ("/_MATRIX/client/versions", "404"), ("/_matrix/client/versions/more", "404"),
        // U+212A is canonically equal to "K", but it is not the same bytes.
        ("/_matrix/client/v3/rooms/!a/send/a/b", "405 PUT"),
    ])
    func findsTheRoute(uri: String, expected: String) { #expect(outcome(.get, uri) == expected) }

    @Test func headFindsTheRouteOfGet() {
        #expect(outcome(.head, "/_matrix/client/versions") == "/_matrix/client/versions")
        #expect(outcome(.delete, "/_matrix/client/versions") == "405 GET")
        #expect(outcome(.other, "/_matrix/client/v3/rooms/a/state/b/c") == "405 GET,PUT")
    }

    @Test func comparesBytes() {
        let router = Router([Route(.get, "/K", .immediate { _ in .emptyObject })])
        guard case .unknownPath = router.match(.get, ["\u{212A}"]) else {
            Issue.record("a canonically equal segment matched")
            return
        }
    }

    @Test func theLaterOfTwoEqualRoutesHolds() {
        let twice = Router((0..<2).map { _ in Route(.get, "/a/{b}", .immediate { _ in .emptyObject }) })
        guard case .found(1) = twice.match(.get, ["a", "x"]) else {
            Issue.record("not the later route")
            return
        }
    }

    @Test func deepPathsAreRefused() {
        #expect(RequestTarget("/" + String(repeating: "a/", count: 5000)) == nil)
    }
}

@Suite struct RequestTests {
    @Test func decodesQueriesWhenAsked() throws {
        let query = try #require(HTTPQuery("a=1&b=x%20y+z&a=2&empty=&flag&%63=d&=x"))
        #expect(query.first("a") == "1")
        #expect(query.all("a") == ["1", "2"])
        #expect(query.first("b") == "x y z")
        #expect(query.first("empty")?.isEmpty == true)
        #expect(query.first("flag")?.isEmpty == true)
        #expect(query.first("c") == "d")
        #expect(query.first("none") == nil)
        #expect(query.pairs.count == 7)
        #expect(HTTPQuery("a=%") == nil)
        #expect(HTTPQuery("a=%e9") == nil)
        #expect(HTTPQuery("%00=a") == nil)
        #expect(HTTPQuery("")?.isEmpty == true)
    }

    @Test(
        arguments: [
            (["Authorization": "Bearer abc"], "", "abc"), (["authorization": "bEaReR  abc"], "", "abc"),
            (["Authorization": "Basic abc"], "access_token=q", "q"), ([:], "access_token=q%2B", "q+"),
            (["Authorization": "Bearer "], "", nil), (["Authorization": "Bearer"], "", nil), ([:], "", nil),
        ] as [([String: String], String, String?)])
    func findsTheAccessToken(fields: [String: String], query: String, token: String?) throws {
        let request = HTTPRequest(
            method: .get, rawPath: "/", pathSegments: [""], query: try #require(HTTPQuery(query)),
            headers: HTTPRequestHeaders(fields.map { ($0.key, $0.value) }), number: 17)
        #expect(request.accessToken == token)
        #expect(request.requestID == "GET-17")
    }
}
