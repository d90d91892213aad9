/// The kinds of push rules, in the order in which they are checked.
package enum PushRuleKind: String, Sendable, Hashable, CaseIterable {
    case override
    case content
    case room
    case sender
    case underride

    /// "`override` and `underride` rules MAY have a list of 'conditions'."
    package var hasConditions: Bool { self == .override || self == .underride }
}
