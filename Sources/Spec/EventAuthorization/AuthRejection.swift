/// An event that the authorization rules forbid.
package struct AuthRejection: Error, Sendable, Hashable {
    /// The rule that rejected it, numbered as the page of the room version shows it, such as `10.4`.
    package let rule: String
    /// One clause that says what is wrong.
    package let reason: String

    package init(rule: String, reason: String) {
        self.rule = rule
        self.reason = reason
    }
}

extension AuthRejection: CustomStringConvertible {
    package var description: String { "authorization rule \(rule): \(reason)" }
}
