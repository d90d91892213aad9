/// Why a string is not the Matrix identifier it should be.
package struct IdentifierError: Error, Hashable, Sendable {
    /// Which identifier was expected.
    package enum Subject: String, Hashable, Sendable {
        case serverName = "server name"
        case userID = "user ID"
        case roomID = "room ID"
        case eventID = "event ID"
        case roomAlias = "room alias"
        case deviceID = "device ID"
    }

    /// What is wrong with the string.
    package enum Reason: Hashable, Sendable {
        case empty
        case tooLong
        case wrongSigil
        case containsNUL
        case missingServerName
        case invalidServerName
        case invalidLocalpart
        case invalidHost
        case invalidPort
    }

    package let subject: Subject
    package let reason: Reason

    package init(_ subject: Subject, _ reason: Reason) {
        self.subject = subject
        self.reason = reason
    }

    /// One sentence for whoever sent the string; it does not repeat the string.
    package var message: String {
        switch reason {
        case .empty: "The \(subject.rawValue) is empty."
        case .tooLong: "The \(subject.rawValue) is longer than \(IdentifierBytes.maxCount) bytes."
        case .wrongSigil: "The \(subject.rawValue) does not begin with its sigil."
        case .containsNUL: "The \(subject.rawValue) contains a NUL character."
        case .missingServerName: "The \(subject.rawValue) has no server name."
        case .invalidServerName: "The \(subject.rawValue) has an invalid server name."
        case .invalidLocalpart: "The \(subject.rawValue) has a localpart that is not allowed."
        case .invalidHost: "The \(subject.rawValue) has an invalid host."
        case .invalidPort: "The \(subject.rawValue) has an invalid port."
        }
    }
}
