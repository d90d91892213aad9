import Foundation
import Testing

/// Self-signed certificates in a folder of their own.
final class Certificates: Sendable {
    struct Files: Sendable {
        let certificate: String
        let key: String
    }

    private let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "engram-certificates-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// A certificate that is valid for names such as `DNS:a.test` and `IP:127.0.0.1`.
    func make(_ names: [String]) throws -> Files {
        let base = folder + "/" + UUID().uuidString
        let files = Files(certificate: base + ".pem", key: base + ".key")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
            "2", "-subj", "/CN=test", "-addext", "subjectAltName=" + names.joined(separator: ","), "-keyout",
            files.key, "-out", files.certificate,
        ]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return files
    }
}
