package import MatrixIdentifiers

/// Why an answer of the fast resolution cannot be right, or a question cannot be asked.
package enum ComparisonError: Error, Hashable {
    /// A state names an event that the room does not have.
    case unknownEvent(EventID)
    /// The answer names an input that does not exist.
    case noSuchInput
    /// The two differences in one answer lead to two states.
    case answersDisagree
}
