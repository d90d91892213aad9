/// When a destination that did not answer is tried again: later and later, and different destinations at different times.
struct RetrySchedule: Sendable, Hashable {
    private(set) var failures = 0
    /// Not before this time.
    private(set) var notBeforeMs: Int64 = 0
    /// Since when it has not answered; nil while it does.
    private(set) var downSinceMs: Int64?

    static let firstDelayMs: Int64 = 2_000
    static let longestDelayMs: Int64 = 3_600_000

    var isFailing: Bool { failures > 0 }

    /// Notes a failure.
    ///
    /// - Parameters:
    ///   - spread: the same for one destination always; lengthens the delay by up to a quarter.
    ///   - leftAloneUntilMs: when somebody else knows that it is of no use before a time.
    mutating func failed(nowMs: Int64, spread: UInt8, leftAloneUntilMs: Int64? = nil) {
        downSinceMs = downSinceMs ?? nowMs
        // Not asking is no failure of the destination.
        if leftAloneUntilMs == nil { failures = min(failures + 1, 32) } else { failures = max(failures, 1) }
        let delay = min(Self.firstDelayMs << Int64(min(failures - 1, 20)), Self.longestDelayMs)
        notBeforeMs = max(nowMs &+ delay &+ delay * Int64(spread) / 1024, leftAloneUntilMs ?? 0)
        // Nobody else's word delays an attempt for ever.
        notBeforeMs = min(notBeforeMs, nowMs &+ 2 * Self.longestDelayMs)
    }

    /// The destination answered, or was heard of: it can be tried at once.
    mutating func reset() { self = RetrySchedule() }
}
