package import CanonicalJSON
import EventLog
import KeyValueStore
package import MatrixEvents
package import MatrixIdentifiers
package import ReadModel

/// Signing keys of other servers, as the log learned them.
package struct ServerKeyQueries: Sendable {
    private let views: Views

    package init(views: Views) {
        self.views = views
    }

    /// One key.
    package struct Key: Sendable, Hashable {
        /// In Base64, as the server published it.
        package let text: String
        package let validity: SigningKeyValidity
    }

    /// What a server published last.
    package struct Document: Sendable {
        package let object: JSONObject
        package let fetchedMs: Int64
        package let validUntil: Int64
    }

    /// Keys by server and identifier, in the order of the names; nil for those that nobody knows here.
    package func keys(_ names: [(server: ServerName, keyID: String)]) throws -> [Key?] {
        try views.snapshot { snapshot in
            try names.map { name in
                // A longer key of the store would be a fault, and none is stored.
                guard name.keyID.utf8.count <= 200 else { return nil }
                let key = ViewKeys.serverKey(name.server.rawValue, name.keyID)
                return try snapshot.get(snapshot.tables[.serverKeysRows], key) { value in
                    let row = try ServerKeyRow(reading: value)
                    return Key(text: row.text, validity: SigningKeyValidity(row.validity))
                }
            }
        }
    }

    /// The newest document of a server's keys.
    package func document(of server: ServerName) throws -> Document? {
        try views.snapshot { snapshot in
            let key = ViewKeys.serverKeyDocument(of: server.rawValue)
            return try snapshot.get(snapshot.tables[.serverKeysDocuments], key) { value in
                let row = try ServerKeyDocumentRow(reading: value)
                let object = try JSONObject.parse(row.json, limits: .stored) ?? JSONObject()
                return Document(object: object, fetchedMs: row.fetchedMs, validUntil: row.validUntil)
            }
        }
    }
}

extension SigningKeyValidity {
    init(_ stored: ServerKeyRow.Validity) {
        switch stored {
        case .current(let validUntil, let fetched): self = .current(validUntil: validUntil, fetchedAt: fetched)
        case .old(let expired): self = .old(expired: expired)
        }
    }
}
