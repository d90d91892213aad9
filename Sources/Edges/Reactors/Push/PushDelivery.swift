import CommandHandling
import EventLog
import Queries
import ReadModel

/// One attempt to tell a gateway of one event, or of a number of unread messages.
struct PushDelivery: Sendable {
    enum Subject: Sendable, Hashable {
        case event(LogPosition)
        /// The number that the gateway knows, if any.
        case badge(known: Int?)
    }

    enum Outcome: Sendable, Hashable {
        /// The gateway knows of so many unread messages now.
        case delivered(unread: Int)
        /// There was nothing to tell.
        case needless
        case rejected
        case failed(String)
    }

    struct Report: Sendable {
        let pusher: ActivePusher.ID
        let host: String
        let subject: Subject
        let outcome: Outcome
    }

    let pusher: ActivePusher
    let subject: Subject
    /// The gateway did not answer last time: what is older than this is not worth the trouble any more.
    let staleBeforeMs: Int64?

    func run(
        _ queries: PushQueries, _ client: any PushGatewayClient, _ commands: PushCommands, includesContent: Bool
    ) async -> Report {
        let outcome: Outcome
        do {
            outcome = try await attempt(queries, client, commands, includesContent: includesContent)
        } catch {
            outcome = .failed("\(error)")
        }
        return Report(pusher: pusher.id, host: pusher.url.host, subject: subject, outcome: outcome)
    }

    private func attempt(
        _ queries: PushQueries, _ client: any PushGatewayClient, _ commands: PushCommands, includesContent: Bool
    ) async throws -> Outcome {
        let body: [UInt8]
        let unread: Int
        switch subject {
        case .event(let position):
            guard let event = try queries.notification(at: position, for: pusher.user) else { return .needless }
            if let staleBeforeMs, event.sentMs < staleBeforeMs { return .needless }
            unread = event.unread
            body = PushBody(pusher: pusher).event(event, includesContent: includesContent)
        case .badge(let known):
            unread = try queries.unreadTotal(of: pusher.user)
            if unread == known { return .needless }
            body = PushBody(pusher: pusher).badge(unread: unread)
        }
        let answer = try await client.post(body, to: pusher.url)
        guard (200..<300).contains(answer.status) else { return .failed("status \(answer.status)") }
        guard PushBody.rejects(answer.body, pushKey: pusher.row.pushKey) else { return .delivered(unread: unread) }
        // "Homeservers must cease sending notification requests for these pushkeys and remove the associated pushers."
        try await commands.removePusher(
            appID: pusher.row.appID, pushKey: pusher.row.pushKey, reason: "rejected by \(pusher.url.host)",
            caller: Caller(userID: pusher.userID, deviceID: nil, requestID: "push"))
        return .rejected
    }
}
