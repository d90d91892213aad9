/// The outcome of a resolution.
package struct ResolvedState: Sendable, Hashable {
    /// The resolved state as its difference from the base of the input.
    package let differenceFromBase: StateDifference
    /// The position, among the states of the input, of the one nearest to the resolved state.
    package let nearestInput: Int
    /// The resolved state as its difference from that one.
    package let differenceFromNearest: StateDifference
    /// How many events had to be considered: the size of the full conflicted set.
    package let conflictedCount: Int
}
