import Foundation
import HTTPFront
import NIOCore
import NIOPosix
import NIOSSL
import Synchronization
import Testing

@Suite struct TLSTests {
    @Test func servesTheCertificateOfTheFilesAndReadsThemAgain() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("engram-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let certificate = folder.appendingPathComponent("cert.pem").path
        let key = folder.appendingPathComponent("key.pem").path
        try Self.makeCertificate(certificate, key)
        let first = try NIOSSLCertificate.fromPEMFile(certificate)
        let files = TLSFiles(certificateChainPath: certificate, privateKeyPath: key)
        try await TestServer.with(listeners: [HTTPListener(port: 0, tls: files)]) { test in
            #expect(try await Self.get("/who", port: test.port, trusting: first).hasSuffix("127.0.0.1 true"))
            #expect(try await Self.get("/large", port: test.port, trusting: first).utf8.count > 3_000_000)

            try Self.makeCertificate(certificate, key)
            let second = try NIOSSLCertificate.fromPEMFile(certificate)
            #expect(first != second)
            await #expect(throws: (any Error).self) { try await Self.get("/who", port: test.port, trusting: second) }
            try test.server.reloadCertificates()
            #expect(try await Self.get("/who", port: test.port, trusting: second).hasSuffix("true"))

            // Files that cannot be used change nothing.
            try Data("broken".utf8).write(to: URL(fileURLWithPath: certificate))
            #expect(throws: (any Error).self) { try test.server.reloadCertificates() }
            #expect(try await Self.get("/who", port: test.port, trusting: second).hasSuffix("true"))

            // Plain text on the encrypted port ends that connection only.
            let plain = try test.client()
            plain.send("GET /who HTTP/1.1\r\n\r\n")
            _ = plain.receiveAll()
            #expect(try await Self.get("/who", port: test.port, trusting: second).hasSuffix("true"))
        }
    }

    private static func makeCertificate(_ certificate: String, _ key: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
            "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate,
        ]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }

    /// The whole response to one request.
    private static func get(_ target: String, port: Int, trusting: [NIOSSLCertificate]) async throws -> String {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.trustRoots = .certificates(trusting)
        let tls = try NIOSSLContext(configuration: configuration)
        let collector = Collected()
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHandler(NIOSSLClientHandler(context: tls, serverHostname: "localhost"))
                    try pipeline.addHandler(Collector(collector))
                }
            }
            .connect(host: "127.0.0.1", port: port).get()
        let request = "GET \(target) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        try await channel.writeAndFlush(ByteBuffer(string: request)).get()
        try await channel.closeFuture.get()
        if let fault = collector.state.withLock({ $0.fault }) { throw fault }
        return String(decoding: collector.state.withLock { $0.bytes }, as: UTF8.self)
    }

    private final class Collected: Sendable {
        let state = Mutex<(bytes: [UInt8], fault: (any Error)?)>(([], nil))
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let collected: Collected

        init(_ collected: Collected) { self.collected = collected }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let buffer = unwrapInboundIn(data)
            collected.state.withLock { $0.bytes += buffer.readableBytesView }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            if let tls = error as? NIOSSLError, case .uncleanShutdown = tls { return }
            collected.state.withLock { $0.fault = error }
            context.close(promise: nil)
        }
    }
}
