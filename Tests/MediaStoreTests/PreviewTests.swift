import CanonicalJSON
import MatrixIdentifiers
import OutboundHTTP
import Synchronization
import Testing

@testable import HTTPFront
@testable import MediaStore

@Suite struct WebURLTests {
    @Test(arguments: [
        ("http://Example.org", "http://example.org/"), ("HTTPS://example.org:443/a?b#c", "https://example.org/a?b"),
        ("http://[::1]:80/x", "http://[::1]/x"), ("http://user:pw@h/p", "http://h/p"),
        (" https://h/ä b ", "https://h/%C3%A4%20b"), ("http://h?x=1", "http://h/?x=1"),
    ])
    func readsURLs(text: String, expected: String) { #expect(WebURL(text)?.text == expected) }

    @Test(arguments: [
        "", "ftp://h/", "http:///x", "http://", "//h/x", "http://h:0/", "http://h:99999/", "http://h:-1/",
        "http://a b/",
        "http://ä.org/", "http://[1.2.3.4]/", "http://[::1/", "http://h\n/", "javascript:alert(1)", "http://h\\@i/",
        "file:///etc/passwd",
    ])
    func refusesWhatIsNone(text: String) { #expect(WebURL(text) == nil) }

    @Test(arguments: [
        ("c.png", "https://h/a/c.png"), ("/c", "https://h/c"), ("//i/c", "https://i/c"), ("?q", "https://h/a/b?q"),
        ("http://j/", "http://j/"), ("", "https://h/a/b?x"), ("#f", "https://h/a/b?x"),
    ])
    func readsReferences(reference: String, expected: String) throws {
        let base = try #require(WebURL("https://h/a/b?x"))
        #expect(WebURL(reference, relativeTo: base)?.text == expected)
    }
}

@Suite struct PageReaderTests {
    private static func facts(_ html: String) -> PageFacts { PageReader.facts(of: Array(html.utf8)) }

    @Test func readsWhatAPageSays() {
        let facts = Self.facts(
            """
            <!DOCTYPE html><html><head><title> A &amp; B
            </title><meta property="og:title" content="T&eacute;"><meta name="Description" content="d">
            <meta property="og:title" content="second"><link rel="shortcut icon" href="/i.ico">
            <link rel="alternate" type="application/json+oembed" href="/o?a=1&amp;b=2"></head>
            <body><nav>menu</nav><script>var x = "<p>no</p>";</script><h1>Head</h1><p>One<b>two</b></p>
            <style>p{}</style><p>three</p><img src="a.png" width=20 height=20><img src="b.png" width=200 height=100>
            <img src="c.png" width=1 height=1></body></html>
            """)
        #expect(facts.title.trimmed == "A & B")
        #expect(facts.meta("og:title") == "Té")
        #expect(facts.meta("description") == "d")
        #expect(facts.heading == "Head")
        #expect(facts.text.trimmed == "One two three")
        #expect(facts.image == "b.png")
        #expect(facts.icon == "/i.ico")
        #expect(facts.oEmbed == "/o?a=1&b=2")
    }

    /// Nesting, attributes, entities and unclosed elements without end take no more than a moment and a little.
    @Test(arguments: [
        "<div>", "<b><i>", "</p>", "<p", "&lt;", "<a b=c ", "<table><tr><td>", "<!--", "<![CDATA[", "<svg><path>",
        "<meta property=og:x content=y>", "<h1>", "<title>", "\u{0}",
    ])
    func readsBombsInBoundedTime(piece: String) {
        let facts = Self.facts("<html><body>" + String(repeating: piece, count: (1 << 20) / piece.utf8.count))
        #expect(facts.metas.count <= 200)
        #expect(facts.text.utf8.count <= 4000)
    }

    @Test func neverTrapsOnWhateverBytes() {
        var random = SystemRandomNumberGenerator()
        let seed = Array(
            #"<html><head><title>x</title><meta property="og:a" content="b"><link rel=icon href=c></head><p>t<img src=d>"#
                .utf8)
        for _ in 0..<3000 {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            let charsets = ["utf-8", "shift_jis", "utf-16", "gb18030", "iso-2022-jp", "nonsense", "utf-7"]
            let type = "text/html; charset=" + (charsets.randomElement(using: &random) ?? "utf-8")
            _ = PageReader.facts(of: PageCharset.utf8(bytes, contentType: type))
        }
    }

    @Test func readsCharsets() {
        func text(_ bytes: [UInt8], _ type: String) -> String {
            String(decoding: PageCharset.utf8(bytes, contentType: type), as: UTF8.self)
        }
        #expect(text([0xE4], "text/html; charset=ISO-8859-1") == "ä")
        #expect(text([0x80], "text/html; charset=\"latin1\"") == "€")
        #expect(text([0x82, 0xA0], "text/html;charset=Shift_JIS") == "あ")
        #expect(text(Array("<meta charset=windows-1251>".utf8) + [0xFF], "text/html").hasSuffix("я"))
        #expect(text([0xFF, 0xFE, 0x41, 0x00], "text/html") == "A")
        #expect(text([0xEF, 0xBB, 0xBF, 0x41], "text/html; charset=latin1") == "A")
        #expect(text([0x41, 0xFF], "text/html") == "A\u{FFFD}")
        #expect(text([0x41], "text/html; charset=none-such") == "A")
    }
}

/// What was asked of the server.
private final class Asked: Sendable {
    let paths = Mutex<[String]>([])
}

/// Previews of pages that a real server on loopback gives out.
@Suite struct URLPreviewerTests {
    private static let page = """
        <html><head><title>t</title><meta property="og:title" content="Title"><meta property="og:image" content="p.png">
        <meta property="og:image:width" content="9999"></head><body>words</body></html>
        """

    private static func html(_ text: String) -> HTTPResponse {
        HTTPResponse(status: 200, headers: [("Content-Type", "text/html")], body: Array(text.utf8))
    }

    private static func routes(_ asked: Asked) -> [Route] {
        func get(_ path: String, _ answer: @escaping @Sendable (HTTPRequest) throws -> HTTPResponse) -> Route {
            Route(
                .get, path,
                .pooled { request in
                    asked.paths.withLock { $0.append(request.rawPath) }
                    return try answer(request)
                })
        }
        func to(_ place: String) -> @Sendable (HTTPRequest) -> HTTPResponse {
            { _ in HTTPResponse(status: 302, headers: [("Location", place)]) }
        }
        return [
            get("/page") { _ in html(page) },
            get("/p.png") { _ in
                HTTPResponse(
                    status: 200, headers: [("Content-Type", "image/png")], body: ImageHeaderTests.png(30, 20))
            },
            get("/moved", to("/page")),
            get("/circle", to("/circle")),
            get("/inside", to("http://127.0.0.2:1/secret")),
            get("/away", to("file:///etc/passwd")),
            get("/embedded") { _ in
                html(#"<title>x</title><link rel=alternate type="application/json+oembed" href="/oembed">"#)
            },
            get("/oembed") { _ in
                .json(["type": "photo", "title": "Embedded", "provider_name": "P", "url": "/p.png"])
            },
            get("/large") { _ in html(String(repeating: "<p>word</p>", count: 1 << 18)) },
            get("/binary") { _ in
                HTTPResponse(status: 200, headers: [("Content-Type", "application/pdf")], body: [1])
            },
            get("/gone") { _ in throw MatrixError.unrecognizedPath },
            Route(
                .get, "/slow",
                .async { _ in
                    try await Task.sleep(for: .seconds(600))
                    return html("late")
                }),
        ]
    }

    private static func with(
        timeoutMs: Int64 = 60_000,
        _ body: (URLPreviewer, String, Asked) async throws -> Void
    ) async throws {
        let asked = Asked()
        let metrics = MetricsRegistry()
        let pool = try WorkerPool(threads: 2, metrics: metrics)
        let server = HTTPServer(
            configuration: HTTPServerConfiguration(listeners: [HTTPListener(port: 0)]), router: Router(routes(asked)),
            pool: pool, metrics: metrics, log: StructuredLog(sink: .nowhere))
        let port = try await server.start()[0].port
        var rules = PreviewRules()
        // The one address that tests may reach; the neighbour stays forbidden.
        rules.addresses = AddressPolicy(allowed: [try #require(AddressRange("127.0.0.1"))])
        rules.timeoutMs = timeoutMs
        let previewer = try URLPreviewer(rules: rules, nowMs: { 1 })
        try await body(previewer, "http://127.0.0.1:\(port)", asked)
        await previewer.shutDown()
        await server.shutdown(grace: .milliseconds(1))
        pool.shutdown()
    }

    private static func preview(_ previewer: URLPreviewer, _ url: String) async throws -> JSONObject {
        try await previewer.preview(of: url) { "mxc://example.org/\($0.content.count)" }
    }

    @Test func showsPageAndPicture() async throws {
        try await Self.with { previewer, url, asked in
            for path in ["/page", "/moved", "/page"] {
                let found = try await Self.preview(previewer, url + path)
                #expect(found["og:title"]?.stringValue == "Title")
                #expect(found["og:description"]?.stringValue == "words")
                let size = ImageHeaderTests.png(30, 20).count
                #expect(found["og:image"]?.stringValue == "mxc://example.org/\(size)")
                #expect(found["og:image:width"]?.integerValue == 30)
                #expect(found["og:image:height"]?.integerValue == 20)
                #expect(found["matrix:image:size"]?.integerValue == Int64(size))
            }
            // The third answer was remembered.
            #expect(asked.paths.withLock { $0.filter { $0 == "/page" }.count } == 2)
            let picture = try await Self.preview(previewer, url + "/p.png")
            #expect(picture["og:image:type"]?.stringValue == "image/png")
            let embedded = try await Self.preview(previewer, url + "/embedded")
            #expect(embedded["og:title"]?.stringValue == "Embedded")
            #expect(embedded["og:site_name"]?.stringValue == "P")
            #expect(embedded["og:image"] != nil)
            #expect(try await Self.preview(previewer, url + "/binary").isEmpty)
            let large = try await Self.preview(previewer, url + "/large")
            #expect((large["og:description"]?.stringValue?.utf8.count ?? 0) > 100)
        }
    }

    @Test func refusesWhatLeadsInside() async throws {
        try await Self.with { previewer, url, _ in
            for (path, fault) in [
                ("/circle", WebFault.tooManyRedirections), ("/inside", .forbiddenAddress), ("/away", .forbiddenURL),
                ("/gone", .status(404)),
            ] {
                await #expect(throws: fault, "\(path)") { _ = try await Self.preview(previewer, url + path) }
            }
            for other in [
                "http://127.0.0.2:1/", "http://[::ffff:127.0.0.2]:1/", "http://10.0.0.1/", "http://[fe80::1]/",
                "http://0.0.0.0:1/", "http://169.254.169.254/latest", "http://[::1]:1/",
            ] {
                await #expect(throws: WebFault.forbiddenAddress, "\(other)") {
                    _ = try await Self.preview(previewer, other)
                }
            }
            // A name that leads inside, whatever it is called; other spellings of addresses are names to the system.
            for name in ["http://localhost:1/", "http://2130706434:1/", "http://0x7f000002:1/", "http://127.2:1/"] {
                await #expect(throws: WebFault.self, "\(name)") { _ = try await Self.preview(previewer, name) }
            }
            await #expect(throws: WebFault.forbiddenURL) { _ = try await Self.preview(previewer, "gopher://x") }
        }
    }

    @Test func slowPagesEnd() async throws {
        try await Self.with(timeoutMs: 100) { previewer, url, _ in
            await #expect(throws: WebFault.timedOut) { _ = try await Self.preview(previewer, url + "/slow") }
        }
    }

    @Test func patternsForbidURLs() throws {
        let url = try #require(WebURL("https://user:pw@mail.example.org:8443/a/b?q=1#f"))
        func matches(_ parts: [String: String]) -> Bool { PreviewRules.Pattern(parts: parts).matches(url) }
        #expect(matches(["netloc": "user:pw@*:8443"]))
        #expect(!matches(["netloc": "example.org"]))
        #expect(matches(["hostname": "*.example.org"]))
        #expect(matches(["hostname": "*.example.org", "scheme": "http"]) == false)
        #expect(matches(["username": "*", "port": "8443", "path": "/a/?", "query": "^q=[0-9]", "fragment": "f"]))
        #expect(matches(["password": "p?"]))
        #expect(!matches([:]))
        #expect(!matches(["hostname": "^("]))
    }

    @Test func globsOfManyStarsAreQuick() {
        let text = [UInt8](repeating: 0x61, count: 20_000)
        #expect(!Glob.matches(text, Array((String(repeating: "a*", count: 200) + "b").utf8)))
        #expect(Glob.matches(text, Array("a*a*".utf8)))
        #expect(Glob.matches([], Array("**".utf8)))
    }
}
