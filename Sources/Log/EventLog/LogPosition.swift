/// The place of a record in the log: dense from 1, without gaps. 0 stands for "before the first record".
package struct LogPosition: RawRepresentable, Comparable, Hashable, Sendable, CustomStringConvertible {
    package let rawValue: UInt64

    package init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    package static let none = LogPosition(rawValue: 0)
    /// Before the first record; the same as `none`.
    package static let start = LogPosition(rawValue: 0)
    package static let first = LogPosition(rawValue: 1)

    /// The place after this one.
    package var next: LogPosition { LogPosition(rawValue: rawValue &+ 1) }

    package static func < (left: LogPosition, right: LogPosition) -> Bool { left.rawValue < right.rawValue }

    package var description: String { String(rawValue) }
}

extension LogPosition: Strideable {
    package func distance(to other: LogPosition) -> Int { Int(truncatingIfNeeded: other.rawValue &- rawValue) }

    package func advanced(by count: Int) -> LogPosition {
        LogPosition(rawValue: rawValue &+ UInt64(truncatingIfNeeded: count))
    }
}
