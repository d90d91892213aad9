package import CommandHandling
package import HTTPFront

/// Sends delayed events when their time has come.
///
/// It remembers nothing: what is due is in the projections, and sending an event is one commit with the fact that it was
/// sent. After a start it first sends what came due meanwhile.
package final class DelayedEventReactor: Sendable {
    private let commands: DelayedEventCommands
    private let tickMs: Int64
    private let log: StructuredLog?
    private static let mostAtOnce = 256

    /// - Parameter tickMs: how often it is looked at what is due.
    package init(commands: DelayedEventCommands, tickMs: Int64 = 200, log: StructuredLog? = nil) {
        self.commands = commands
        self.tickMs = tickMs
        self.log = log
    }

    /// Works until its task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            var mayBeMore = false
            do {
                mayBeMore = try await commands.sendDue(limit: Self.mostAtOnce) == Self.mostAtOnce
            } catch {
                // What was not sent stays due, and is met again at the next look.
                log?.warning("delayed events were held up", [("fault", "\(error)")])
            }
            if mayBeMore { continue }
            do { try await Task.sleep(for: .milliseconds(tickMs)) } catch { return }
        }
    }
}
