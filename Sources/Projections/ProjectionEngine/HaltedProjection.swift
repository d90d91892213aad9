package import EventLog

/// A projection met a record that it cannot apply. Nothing after it is applied until the program or the log is mended.
package struct HaltedProjection: Error, Sendable, Hashable, CustomStringConvertible {
    package let name: String
    package let position: LogPosition
    package let reason: String

    package init(name: String, position: LogPosition, reason: String) {
        self.name = name
        self.position = position
        self.reason = reason
    }

    package var description: String { "projection \(name) halted at record \(position): \(reason)" }
}

/// Faults of the engine itself.
package enum ProjectionFault: Error, Sendable, Hashable, CustomStringConvertible {
    /// Records are missing between the views' head and the batch, and there is no log to read them from.
    case gap(expected: LogPosition, found: LogPosition)
    /// The log ends before the views do, or has another record where they end: they are of another past.
    case otherPast(head: LogPosition)
    case unknownProjection(String)
    /// `progress` asked to stop.
    case interrupted

    package var description: String {
        switch self {
        case .gap(let expected, let found): "record \(expected) is missing; the batch begins at \(found)"
        case .otherPast(let head): "the views include record \(head) of another log; they must be rebuilt"
        case .unknownProjection(let name): "there is no projection \(name)"
        case .interrupted: "interrupted"
        }
    }
}
