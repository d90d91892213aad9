/// How much of the server's time a user's rules may take: the specification names no limits.
enum PushRuleLimits {
    static let mostRules = 2_000
    static let mostConditions = 32
    static let mostActions = 32
    static let longestID = 512
    /// A glob costs at most its length for every character that it looks at.
    static let longestPattern = 512
    static let largestRule = 16_384
}
