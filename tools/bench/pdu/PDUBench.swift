import CSodium
import CanonicalJSON
import EventSigning
import Glibc
import MatrixEvents
import MatrixIdentifiers
import RoomVersions

/// Prints what verifying one inbound PDU costs beside what libsodium alone costs for it, and what two cores make of many.
///
/// Usage: `pdu-bench [ROUNDS]`. The contestants take turns; see `Contest`.
@main
enum PDUBench {
    static func main() throws {
        let rounds = CommandLine.arguments.count > 1 ? Int(CommandLine.arguments[1]) ?? 15 : 15
        let key = try SigningKey(seed: Array(0..<32), keyID: "ed25519:a_bench")
        let server = try ServerName(parsing: "example.org")
        for version in [RoomVersion.v6, .v10, .v12] {
            let sample = try Sample(version: version, server: server, key: key)
            report(
                "room version \(version): \(sample.canonical.count) bytes, \(sample.signedForm.count) of them signed")
            var contest = Contest(rounds: rounds, only: nil)
            try contest.add("libsodium: Ed25519 of what is signed, SHA-256 of all") { sample.libsodium() }
            for (name, text) in [("canonical", sample.canonical), ("shuffled", sample.shuffled)] {
                try contest.add("one PDU whole, \(name)") { try verify(text, sample) ? 1 : 0 }
                try contest.add("  of which all but the signature, \(name)") {
                    try InboundPDU(parsing: text, version: version).contentHashMatches ? 1 : 0
                }
            }
            try contest.run()
            for line in contest.lines { report(line) }
            let bare = contest.rates["libsodium: Ed25519 of what is signed, SHA-256 of all"] ?? 0
            for name in ["canonical", "shuffled"] {
                let whole = contest.rates["one PDU whole, \(name)"] ?? 1
                report("  cost, whole to libsodium, \(name): \(hundredths(bare / whole))")
            }
        }
        try bulk(Sample(version: .v10, server: server, key: key))
    }

    /// Parse, content hash, one signature, event ID.
    static func verify(_ text: [UInt8], _ sample: Sample) throws -> Bool {
        let event = try InboundPDU(parsing: text, version: sample.version)
        return event.contentHashMatches && event.eventID == sample.eventID
            && event.isSigned(by: sample.server, keyID: sample.key.keyID, publicKey: sample.key.publicKey)
    }

    /// Many signatures on one and on two threads, best of several turns of wall time.
    static func bulk(_ sample: Sample) throws {
        let texts = [[UInt8]](repeating: sample.shuffled, count: 2000)
        var best = [1: 0.0, 2: 0.0]
        for _ in 0..<7 {
            for threads in [1, 2] {
                let clock = ContinuousClock()
                let start = clock.now
                let events = BulkVerifier.read(texts, version: sample.version, threads: threads)
                let checks = events.compactMap { event -> SignatureCheck? in
                    guard case .success(let event) = event else { return nil }
                    return SignatureCheck(
                        event: event, server: sample.server, keyID: sample.key.keyID, publicKey: sample.key.publicKey)
                }
                let valid = BulkVerifier.verify(checks, threads: threads).filter { $0 }.count
                let seconds = (clock.now - start) / .nanoseconds(1) / 1e9
                if valid == texts.count { best[threads] = max(best[threads] ?? 0, Double(valid) / seconds) }
            }
        }
        let one = best[1] ?? 0
        let two = best[2] ?? 0
        report("bulk, 2000 events: 1 thread \(Int(one))/s, 2 threads \(Int(two))/s, \(hundredths(two / one)) times")
    }

    static func hundredths(_ value: Double) -> String {
        guard value.isFinite else { return "?" }
        let count = Int((value * 100).rounded())
        return "\(count / 100).\(count % 100 < 10 ? "0" : "")\(count % 100)"
    }

    static func report(_ line: String) {
        print(line)
    }
}
