/// Why a change of push rules is refused.
package enum PushRuleProblem: Error, Sendable, Hashable {
    /// The rule's ID begins with a dot, has slashes, or is empty or too long.
    case badID(String)
    case unknownRule
    /// A default rule cannot be removed or replaced.
    case isDefault
    /// `before` or `after` names no rule of the user.
    case unknownNeighbour(String)
    case missing(String)
    case invalid(String)
    case tooMany

    package var message: String {
        switch self {
        case .badID(let reason): reason
        case .unknownRule: "The push rule was not found."
        case .isDefault: "Default push rules can only be switched off or given other actions."
        case .unknownNeighbour(let ruleID): "before/after rule not found: \(ruleID)"
        case .missing(let member): "\(member) is missing."
        case .invalid(let reason): reason
        case .tooMany: "There are too many push rules."
        }
    }
}
