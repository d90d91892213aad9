/// The number of a state event within its room.
///
/// Numbers are given in log order, auth events first: an event's number is greater than those of its `auth_events`. That
/// makes the numbers a topological order, and a cycle impossible to write down. Events that are no state events need none.
package struct EventNumber: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: UInt32

    package init(_ rawValue: UInt32) { self.rawValue = rawValue }

    package static func < (left: EventNumber, right: EventNumber) -> Bool { left.rawValue < right.rawValue }

    package var description: String { "event \(rawValue)" }
}
