package import CanonicalJSON
package import MatrixIdentifiers

/// The body of `/sendToDevice`, checked.
package struct ToDeviceRequest: Sendable {
    /// What one user is to get: content by device; `*` for all that are not named.
    package struct Recipient: Sendable {
        package let user: UserID
        package let byDevice: JSONObject
    }

    package let recipients: [Recipient]

    package init(body: JSONObject) throws(Rejection) {
        guard let value = body["messages"] else { throw Rejection.missingParam("messages is missing.") }
        guard let messages = value.objectValue else { throw Rejection.badJSON("messages must be an object.") }
        var recipients: [Recipient] = []
        for (name, value) in messages {
            guard let user = UserID(name) else { throw Rejection.invalidParam("messages: \(name) is no user ID.") }
            guard let byDevice = value.objectValue else {
                throw Rejection.badJSON("messages must be an object of objects.")
            }
            guard byDevice.values.allSatisfy({ $0.objectValue != nil }) else {
                throw Rejection.badJSON("The content of a message must be an object.")
            }
            recipients.append(Recipient(user: user, byDevice: byDevice))
        }
        self.recipients = recipients
    }
}
