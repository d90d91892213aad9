import MatrixIdentifiers
import Yams

/// The settings `support_contacts`, `support_page` and `admin_contact`: what `/.well-known/matrix/support` answers.
package struct SupportConfiguration: Sendable, Hashable {
    /// "A way to contact the server administrator."
    package struct Contact: Sendable, Hashable {
        package var role: String
        package var matrixID: String?
        package var emailAddress: String?
    }

    package var contacts: [Contact] = []
    package var page: String?

    static let names: Set<String> = ["support_contacts", "support_page", "admin_contact"]
}

extension ServerConfiguration {
    mutating func readSupport(_ root: Node.Mapping, _ reader: inout YAMLReader) {
        adminContact = reader.string(root, "admin_contact")
        readSupportPage(root, &reader)
        guard let node = root["support_contacts"], node.null == nil else {
            readAdminContact(root, &reader)
            return
        }
        // "If only `contacts` is set, it must contain at least one item."
        guard let list = node.sequence, !list.isEmpty else {
            reader.refuse(
                node, "support_contacts",
                "must be a list; write `support_contacts: [{role: m.role.admin, email_address: admin@example.org}]`")
            return
        }
        for (index, entry) in list.enumerated() {
            let path = "support_contacts[\(index)]"
            guard let map = entry.mapping else {
                reader.refuse(
                    entry, path,
                    "must have settings; write `- {role: m.role.admin, matrix_id: \"@admin:\(serverName)\"}`")
                continue
            }
            support.contacts.append(readContact(map, entry, path + ".", &reader))
        }
    }

    private func readContact(
        _ map: Node.Mapping, _ entry: Node, _ path: String, _ reader: inout YAMLReader
    ) -> SupportConfiguration.Contact {
        reader.warnUnknown(map, known: ["role", "matrix_id", "email_address"], in: path)
        let contact = SupportConfiguration.Contact(
            role: reader.string(map, "role", in: path) ?? "",
            matrixID: reader.string(map, "matrix_id", in: path),
            emailAddress: reader.string(map, "email_address", in: path))
        if map["role"].map({ $0.null != nil }) ?? true {
            reader.refuse(entry, path + "role", "is missing; write `role: m.role.admin` or `role: m.role.security`")
        } else if map["role"]?.scalar != nil, !Self.isRole(contact.role) {
            reader.refuse(
                map["role"], path + "role",
                "must be m.role.admin, m.role.security or a name of your own such as org.example.abuse, in small letters"
            )
        }
        if let user = contact.matrixID, UserID(user) == nil {
            reader.refuse(map["matrix_id"], path + "matrix_id", "must be a user ID such as \"@admin:\(serverName)\"")
        }
        if let address = contact.emailAddress, !Self.isEmailAddress(address) {
            reader.refuse(
                map["email_address"], path + "email_address", "must be an email address such as admin@example.org")
        }
        // "At least one of `matrix_id` or `email_address` is required."
        if map["matrix_id"].map({ $0.null != nil }) ?? true, map["email_address"].map({ $0.null != nil }) ?? true {
            reader.refuse(entry, path + "email_address", "is missing; write `email_address` or `matrix_id`, or both")
        }
        return contact
    }

    private mutating func readSupportPage(_ root: Node.Mapping, _ reader: inout YAMLReader) {
        guard let page = reader.string(root, "support_page") else { return }
        guard Self.isWebAddress(page) else {
            reader.refuse(
                root["support_page"], "support_page",
                "must be the URL of a page; write `support_page: \"https://example.org/help\"`")
            return
        }
        support.page = page
    }

    /// Synapse knows one contact, which may be any URL; what is no address or user ID cannot be told to clients.
    private mutating func readAdminContact(_ root: Node.Mapping, _ reader: inout YAMLReader) {
        guard let contact = adminContact else { return }
        let address = contact.hasPrefix("mailto:") ? String(contact.dropFirst(7)) : nil
        if let address, Self.isEmailAddress(address) {
            support.contacts = [SupportConfiguration.Contact(role: "m.role.admin", emailAddress: address)]
        } else if UserID(contact) != nil {
            support.contacts = [SupportConfiguration.Contact(role: "m.role.admin", matrixID: contact)]
        } else {
            reader.warn(
                root["admin_contact"], "admin_contact",
                "is neither a user ID nor a mailto: address, so it is not told to clients; write support_page for a page"
            )
        }
    }

    // MARK: What is one

    /// "Unspecified roles are permitted through the use of Namespaced Identifiers": "at least one character and at most 255",
    /// "start with one of the characters `[a-z]`, and be entirely composed of the characters `[a-z]`, `[0-9]`, `-`, `_` and
    /// `.`", "starting with the characters `m.` are reserved".
    private static func isRole(_ text: String) -> Bool {
        let bytes = text.utf8
        guard (1...255).contains(bytes.count), let first = bytes.first, isSmallLetter(first) else { return false }
        let rest: Set<UInt8> = Set("0123456789-_.".utf8)
        guard bytes.allSatisfy({ isSmallLetter($0) || rest.contains($0) }) else { return false }
        return !text.hasPrefix("m.") || ["m.role.admin", "m.role.security"].contains(text)
    }

    private static func isSmallLetter(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }

    private static func isEmailAddress(_ text: String) -> Bool {
        let parts = text.utf8.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty } && hasNoBlanks(text)
    }

    private static func isWebAddress(_ text: String) -> Bool {
        guard let scheme = ["https://", "http://"].first(where: { text.hasPrefix($0) }) else { return false }
        let host = text.utf8.dropFirst(scheme.utf8.count).prefix { !"/?#".utf8.contains($0) }
        return !host.isEmpty && hasNoBlanks(text)
    }

    private static func hasNoBlanks(_ text: String) -> Bool { text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F } }
}
