import Foundation
import HTTPFront
import Testing

@Suite struct UnixSocketTests {
    @Test func servesOnAPath() async throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("engram-\(UUID().uuidString).sock")
            .path
        try await TestServer.with(listeners: [HTTPListener(port: 0, unixPath: path, xForwarded: true)]) { test in
            #expect(test.addresses[0].unixPath == path)
            let client = try RawClient(unixPath: path)
            client.send("GET /who HTTP/1.1\r\nHost: test\r\nX-Forwarded-For: 9.8.7.6\r\n\r\n")
            #expect(try client.receive().text == "9.8.7.6 false")
        }
    }
}
