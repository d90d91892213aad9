package import CanonicalJSON
package import EventLog

/// Another server's signing keys became known, or for how long they are good: the document as that server signed it.
package struct ServerKeysLearned: LogEvent, Hashable {
    package static let kind = RecordKind.serverKeysLearned

    package var serverName: String
    /// With the signatures of the server, and of the notary that gave it.
    package var document: JSONObject
    /// The keys of the document that were found good: current ones that had signed it, and old ones.
    package var keyIDs: [String]
    /// When it was fetched; its keys are good for seven days from then at most.
    package var fetchedMs: Int64
    /// The notary that gave it; nil when the server itself did.
    package var notary: String?

    package init(
        serverName: String, document: JSONObject, keyIDs: [String], fetchedMs: Int64, notary: String? = nil
    ) {
        self.serverName = serverName
        self.document = document
        self.keyIDs = keyIDs
        self.fetchedMs = fetchedMs
        self.notary = notary
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "ServerKeysLearned")
        serverName = try json.string("server_name")
        document = try json.member("document")
        let keyIDs = json.object["key_ids"]?.arrayValue?.compactMap(\.stringValue)
        guard let keyIDs else { throw PayloadError(kind: "ServerKeysLearned", reason: "lacks the array key_ids") }
        self.keyIDs = keyIDs
        fetchedMs = try json.integer("fetched_ms")
        notary = json.optionalString("notary")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "ServerKeysLearned")
        json.set("server_name", serverName)
        json.set("document", json: .object(document))
        json.set("key_ids", json: .array(keyIDs.map(JSONValue.string)))
        json.set("fetched_ms", fetchedMs)
        json.set("notary", notary)
        return json.object.canonicalBytes()
    }
}
