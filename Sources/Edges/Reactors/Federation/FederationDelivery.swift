import CanonicalJSON
import FederationCommands
import HTTPFront
import MatrixIdentifiers

/// One attempt to bring a transaction to another server.
struct FederationDelivery: Sendable {
    enum Outcome: Sendable, Hashable {
        /// So many items are there, or need not be.
        case delivered(Int)
        /// It understood, and refused.
        case refused(items: Int, String)
        case failed(String, leftAloneUntilMs: Int64?)
    }

    struct Report: Sendable {
        let server: ServerName
        let mail: [EphemeralMail.Entry]
        let outcome: Outcome
    }

    let server: ServerName
    let items: [OutgoingItem]
    let mail: [EphemeralMail.Entry]
    let transactionID: String

    func run(
        _ content: TransactionContent, from origin: ServerName, by servers: any RemoteServers, nowMs: Int64,
        log: StructuredLog?
    ) async -> Report {
        var content = content
        let outcome: Outcome
        do {
            try content.fill(items, mail: mail, nowMs: nowMs)
            outcome = try await attempt(content, from: origin, by: servers, nowMs: nowMs, log: log)
        } catch let fault as RemoteFault {
            outcome = Self.outcome(of: fault, items: content.itemCount)
        } catch {
            outcome = .failed("\(error)", leftAloneUntilMs: nil)
        }
        return Report(server: server, mail: mail, outcome: outcome)
    }

    private func attempt(
        _ content: TransactionContent, from origin: ServerName, by servers: any RemoteServers, nowMs: Int64,
        log: StructuredLog?
    ) async throws -> Outcome {
        if content.isEmpty { return .delivered(content.itemCount) }
        let request = RemoteRequest(
            .put, "/_matrix/federation/v1/send/\(transactionID)", of: server,
            body: content.body(origin: origin, nowMs: nowMs), timeoutMs: 60_000)
        let answer = try await servers.send(request).object()
        // "The PDU failures from this transaction. […] If present, an error string": it is not sent again.
        for (eventID, result) in answer["pdus"]?.objectValue ?? [:] {
            guard let error = result["error"]?.stringValue else { continue }
            log?.info(
                "another server did not take an event",
                [("server", server.rawValue), ("event", eventID), ("error", String(error.prefix(500)))])
        }
        return .delivered(content.itemCount)
    }

    private static func outcome(of fault: RemoteFault, items: Int) -> Outcome {
        switch fault {
        case .backingOff(let untilMs): .failed("\(fault)", leftAloneUntilMs: untilMs)
        // What was not found or is not allowed may be found or allowed later, whatever is sent.
        case .refused(let status, _, _)
        where (400..<500).contains(status) && ![401, 403, 404, 408, 429].contains(status):
            .refused(items: items, "\(fault)")
        case .unreachable, .timedOut, .refused, .malformed: .failed("\(fault)", leftAloneUntilMs: nil)
        }
    }
}
