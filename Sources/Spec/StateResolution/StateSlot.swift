/// The number that stands for one pair of event type and state key.
///
/// The caller gives them out; the resolver asks only that one pair has one number.
package struct StateSlot: Hashable, Comparable, Sendable, CustomStringConvertible {
    package let rawValue: UInt32

    package init(_ rawValue: UInt32) { self.rawValue = rawValue }

    package static func < (left: StateSlot, right: StateSlot) -> Bool { left.rawValue < right.rawValue }

    package var description: String { "slot \(rawValue)" }
}
