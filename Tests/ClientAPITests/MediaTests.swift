import CanonicalJSON
import ClientAPI
import CommandHandling
import Decisions
import Foundation
import LogEvents
import MatrixIdentifiers
import MediaStore
import Queries
import Testing

@testable import HTTPFront

/// Upload and download, from the request to the file and back.
@Suite struct MediaTests {
    private static func server(
        isFrozen: Bool = true, _ change: (inout MediaRules) -> Void = { _ in }
    ) throws -> InProcessServer {
        try InProcessServer(media: { environment, directory in
            var rules = MediaRules()
            rules.needsAuthentication = isFrozen
            change(&rules)
            let blobs = try BlobStore(root: directory)
            return MediaParts(
                commands: MediaCommands(environment: environment, rules: rules), blobs: blobs,
                thumbnails: try Thumbnailer(blobs: blobs, rules: ThumbnailRules()), isFrozen: isFrozen)
        })
    }

    private static func upload(
        _ server: InProcessServer, _ token: String, _ content: [UInt8], type: String = "image/png", query: String = ""
    ) async throws -> String {
        let response = try await server.respond(
            .post, "/_matrix/media/v3/upload", query: query,
            headers: [("Authorization", "Bearer \(token)"), ("Content-Type", type)], body: content)
        let json = try JSONValue.parse(response.body)
        let uri = try #require(json["content_uri"]?.stringValue, "\(json)")
        #expect(uri.hasPrefix("mxc://example.org/"))
        return String(uri.dropFirst("mxc://example.org/".count))
    }

    private static func download(
        _ server: InProcessServer, _ token: String?, _ mediaID: String, legacy: Bool = false, name: String = "",
        headers: [(String, String)] = [], query: String = ""
    ) async throws -> HTTPResponse {
        try await server.respond(
            .get,
            (legacy ? "/_matrix/media/v3" : "/_matrix/client/v1/media") + "/download/example.org/\(mediaID)\(name)",
            query: query, headers: headers + (token.map { [("Authorization", "Bearer \($0)")] } ?? []))
    }

    private static func body(_ response: HTTPResponse) -> [UInt8] {
        guard let file = response.file else { return response.body }
        var bytes = [UInt8](repeating: 0, count: Int(file.length))
        var filled: Int64 = 0
        while filled < file.length {
            let count = bytes.withUnsafeMutableBytes {
                file.read(at: filled, into: UnsafeMutableRawBufferPointer(rebasing: $0[Int(filled)...]))
            }
            guard let count else { break }
            filled += Int64(count)
        }
        return bytes
    }

    private static func header(_ response: HTTPResponse, _ name: String) -> String? {
        response.headers.first { $0.0.lowercased() == name.lowercased() }?.1
    }

    private static func errcode(_ response: HTTPResponse) throws -> String? {
        try JSONValue.parse(response.body)["errcode"]?.stringValue
    }

    @Test func givesBackWhatWasUploaded() async throws {
        let server = try Self.server()
        let token = try await server.register("alice")
        let content = (0..<300_000).map { UInt8(truncatingIfNeeded: $0) }
        let mediaID = try await Self.upload(server, token, content, query: "filename=a%22b.png")
        let response = try await Self.download(server, token, mediaID)
        #expect(response.status == 200)
        #expect(Self.body(response) == content)
        #expect(Self.header(response, "content-type") == "image/png")
        #expect(Self.header(response, "content-disposition") == #"inline; filename="a\"b.png""#)
        #expect(Self.header(response, "x-content-type-options") == "nosniff")
        #expect(Self.header(response, "cross-origin-resource-policy") == "cross-origin")
        #expect(Self.header(response, "content-security-policy")?.hasPrefix("sandbox; default-src 'none';") == true)
        let part = try await Self.download(server, token, mediaID, headers: [("Range", "bytes=10-19")])
        #expect(part.status == 206)
        #expect(Self.body(part) == Array(content[10..<20]))
        let tag = try #require(Self.header(response, "etag"))
        #expect(try await Self.download(server, token, mediaID, headers: [("If-None-Match", tag)]).status == 304)
    }

    @Test func namesFilesInEveryScript() async throws {
        let server = try Self.server()
        let token = try await server.register("alice")
        let mediaID = try await Self.upload(server, token, [1], type: "text/html", query: "filename=%E2%98%95.html")
        let own = try await Self.download(server, token, mediaID)
        #expect(Self.header(own, "content-disposition") == "attachment; filename*=utf-8''%E2%98%95.html")
        let other = try await Self.download(server, token, mediaID, name: "/x%20y.txt")
        #expect(Self.header(other, "content-disposition") == #"attachment; filename="x y.txt""#)
        let nameless = try await Self.upload(server, token, [], type: "Text/Plain; charset=utf-8")
        let response = try await Self.download(server, token, nameless)
        #expect(Self.header(response, "content-disposition") == "inline")
        #expect(Self.body(response).isEmpty)
    }

    @Test func keepsNewMediaFromThoseWithoutALogin() async throws {
        let frozen = try Self.server()
        let token = try await frozen.register("alice")
        let mediaID = try await Self.upload(frozen, token, [1, 2, 3])
        #expect(try await Self.download(frozen, nil, mediaID).status == 401)
        #expect(try await Self.download(frozen, nil, mediaID, legacy: true).status == 404)
        let open = try Self.server(isFrozen: false)
        let other = try await open.register("alice")
        let openID = try await Self.upload(open, other, [1, 2, 3])
        #expect(try await Self.download(open, nil, openID, legacy: true).status == 200)
    }

    @Test func refusesWhatNamesNothing() async throws {
        let server = try Self.server()
        let token = try await server.register("alice")
        let authorization = [("Authorization", "Bearer \(token)")]
        for path in [
            "example.org/..%2F..%2Fetc", "example.org/none", "example.org/a%20b", "other.org/abc", "%2e%2e/abc",
            "example.org:8448/abc", "/abc",
        ] {
            let response = try await server.respond(
                .get, "/_matrix/client/v1/media/download/\(path)", headers: authorization)
            #expect(response.status == 404, "\(path)")
        }
        for query in ["timeout_ms=x", "allow_remote=maybe"] {
            #expect(try await Self.download(server, token, "abc", query: query).status == 400)
        }
    }

    @Test func takesContentForAnIDThatWasGivenOut() async throws {
        let server = try Self.server { $0.maximumPending = 2 }
        let token = try await server.register("alice")
        let other = try await server.register("bob")
        func create() async throws -> InProcessServer.Answer {
            try await server.call(.post, "/_matrix/media/v1/create", token: token)
        }
        let uri = try #require(try await create()["content_uri"]?.stringValue)
        #expect(try await create().status == 200)
        #expect(try await create().errcode == "M_LIMIT_EXCEEDED")
        let mediaID = String(uri.dropFirst("mxc://example.org/".count))
        #expect(
            try Self.errcode(await Self.download(server, token, mediaID, query: "timeout_ms=0")) == "M_NOT_YET_UPLOADED"
        )
        func put(_ token: String, _ mediaID: String) async throws -> HTTPResponse {
            try await server.respond(
                .put, "/_matrix/media/v3/upload/example.org/\(mediaID)",
                headers: [("Authorization", "Bearer \(token)"), ("Content-Type", "image/png")], body: [7, 8])
        }
        #expect(try await put(other, mediaID).status == 403)
        #expect(try await put(token, "unknown").status == 404)
        // Whoever waits for the content gets it when it comes.
        async let waiting = Self.download(server, token, mediaID, query: "timeout_ms=60000")
        #expect(try await put(token, mediaID).status == 200)
        #expect(Self.body(try await waiting) == [7, 8])
        let again = try await put(token, mediaID)
        #expect(again.status == 409)
        #expect(try Self.errcode(again) == "M_CANNOT_OVERWRITE_MEDIA")
        #expect(try await create().status == 200)
    }

    @Test func forgetsIDsWhoseTimeHasRunOut() async throws {
        let server = try Self.server { $0.unusedLifetimeMs = -1 }
        let token = try await server.register("alice")
        let answer = try await server.call(.post, "/_matrix/media/v1/create", token: token)
        let mediaID = try #require(answer["content_uri"]?.stringValue).dropFirst("mxc://example.org/".count)
        #expect(try await Self.download(server, token, String(mediaID)).status == 404)
        let put = try await server.respond(
            .put, "/_matrix/media/v3/upload/example.org/\(mediaID)", headers: [("Authorization", "Bearer \(token)")],
            body: [1])
        #expect(put.status == 404)
    }

    @Test func holdsUsersToTheirQuota() async throws {
        let server = try Self.server {
            $0.maximumBytes = 1000
            $0.uploadLimits = [.init(periodMs: 3_600_000, bytes: 1500)]
        }
        let token = try await server.register("alice")
        let other = try await server.register("bob")
        let first = try await Self.upload(server, token, [UInt8](repeating: 1, count: 1000))
        func status(_ token: String, _ count: Int) async throws -> (Int, String?) {
            let response = try await server.respond(
                .post, "/_matrix/media/v3/upload", headers: [("Authorization", "Bearer \(token)")],
                body: [UInt8](repeating: 2, count: count))
            return (response.status, try Self.errcode(response))
        }
        #expect(try await status(token, 501) == (403, "M_FORBIDDEN"))
        #expect(try await status(token, 500) == (200, nil))
        #expect(try await status(other, 1001) == (413, "M_TOO_LARGE"))
        #expect(try await status(other, 1000) == (200, nil))
        let commands = try #require(server.api.media).commands
        _ = try await commands.remove([first], reason: "test", actor: "", cause: "test")
        #expect(try await status(token, 1000) == (200, nil))
        let configuration = try await server.call(.get, "/_matrix/client/v1/media/config", token: token)
        #expect(configuration["m.upload.size"]?.integerValue == 1000)
    }

    @Test func closesOpensAndRemoves() async throws {
        let server = try Self.server()
        let token = try await server.register("alice")
        let media = try #require(server.api.media)
        let content: [UInt8] = [5, 6, 7]
        let first = try await Self.upload(server, token, content)
        let second = try await Self.upload(server, token, content)
        #expect(try await media.commands.quarantine([first], true, actor: "", cause: "test") == 1)
        #expect(try await Self.download(server, token, first).status == 404)
        #expect(try await Self.download(server, token, second).status == 200)
        #expect(try await media.commands.quarantine([first], false, actor: "", cause: "test") == 1)
        try await media.commands.protect([first], true, actor: "", cause: "test")
        #expect(try await media.commands.quarantine([first], true, actor: "", cause: "test") == 0)
        let queries = media.commands.queries
        for (mediaID, isLast) in [(first, false), (second, true)] {
            let removed = try await media.commands.remove([mediaID], reason: "test", actor: "", cause: "test")
            let blob = try #require(removed.blobs.first)
            let deleted = try media.blobs.delete(IncomingBlob.text(blob)) { try queries.isReferenced(blob: blob) }
            #expect(deleted == isLast)
            #expect(try await Self.download(server, token, mediaID).status == 404)
        }
        #expect(try queries.totals().blobs == 0)
    }

    @Test func asksWhoUploadsFirst() async throws {
        let server = try Self.server()
        let response = try await server.respond(
            .post, "/_matrix/media/v3/upload", headers: [("Content-Type", "image/png")], body: [1])
        #expect(response.status == 401)
        let token = try await server.register("alice")
        let long = String(repeating: "a", count: 2000)
        let named = try await server.respond(
            .post, "/_matrix/media/v3/upload", query: "filename=\(long)",
            headers: [("Authorization", "Bearer \(token)")],
            body: [1])
        #expect(named.status == 400)
    }
}
