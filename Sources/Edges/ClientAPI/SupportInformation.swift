package import CanonicalJSON

/// Whom users turn to: the answer of `/.well-known/matrix/support`.
package struct SupportInformation: Sendable {
    /// "A way to contact the server administrator."
    package struct Contact: Sendable {
        package var role: String
        package var matrixID: String?
        package var emailAddress: String?

        package init(role: String, matrixID: String? = nil, emailAddress: String? = nil) {
            self.role = role
            self.matrixID = matrixID
            self.emailAddress = emailAddress
        }
    }

    package var contacts: [Contact] = []
    package var page: String?

    package init() {}

    /// "At least one of `contacts` or `support_page` is required": nil when there is neither.
    package var answer: JSONObject? {
        var answer = JSONObject()
        // "If only `contacts` is set, it must contain at least one item."
        if !contacts.isEmpty { answer["contacts"] = .array(contacts.map { .object(Self.members($0)) }) }
        if let page { answer["support_page"] = .string(page) }
        return answer.isEmpty ? nil : answer
    }

    private static func members(_ contact: Contact) -> JSONObject {
        var members: JSONObject = ["role": .string(contact.role)]
        if let user = contact.matrixID { members["matrix_id"] = .string(user) }
        if let address = contact.emailAddress { members["email_address"] = .string(address) }
        return members
    }
}
