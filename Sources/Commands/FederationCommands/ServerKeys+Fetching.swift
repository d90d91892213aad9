import CanonicalJSON
import CommandHandling
import EventLog
import EventSigning
import LogEvents
import MatrixEvents
import MatrixIdentifiers
import Queries

extension ServerKeys {
    private static let limits = JSONLimits(
        maxDepth: 20, maxBytes: 1 << 20, maxValues: 100_000, numbers: .historical)
    private static let largestDocument = 64 << 10
    private static let largestNotaryAnswer = 1 << 20
    private static let mostDocuments = 100
    private static let timeoutMs: Int64 = 10_000

    /// "Homeservers query for keys by […] getting `/_matrix/key/v2/server` directly".
    func askItself(_ server: ServerName, isHeardFrom: Bool) async throws {
        let request = RemoteRequest(
            .get, "/_matrix/key/v2/server", of: server, isSigned: false, timeoutMs: Self.timeoutMs,
            largestAnswer: Self.largestDocument, ignoresBackOff: isHeardFrom)
        guard let object = try await answer(to: request) else { return }
        try await take(object, about: server, from: nil)
    }

    /// "or by querying an intermediate notary server".
    func ask(_ notary: KeyNotary, about server: ServerName, keyIDs: [String]) async throws {
        let criteria: JSONObject = ["minimum_valid_until_ts": .integer(environment.nowMs())]
        let wanted = JSONObject(keyIDs.map { ($0, JSONValue.object(criteria)) })
        let request = RemoteRequest(
            .post, "/_matrix/key/v2/query", of: notary.serverName,
            body: ["server_keys": .object(JSONObject([(server.rawValue, .object(wanted))]))], isSigned: false,
            timeoutMs: Self.timeoutMs, largestAnswer: Self.largestNotaryAnswer)
        guard let answer = try await answer(to: request) else { return }
        for document in answer["server_keys"]?.arrayValue?.prefix(Self.mostDocuments) ?? [] {
            guard let object = document.objectValue, object["server_name"]?.stringValue == server.rawValue,
                try await isSigned(object, by: notary)
            else { continue }
            try await take(object, about: server, from: notary.serverName)
        }
    }

    /// Nil when there is none that can be read.
    private func answer(to request: RemoteRequest) async throws -> JSONObject? {
        do {
            return try await remotes.send(request).object(limits: Self.limits)
        } catch is RemoteFault {
            return nil
        }
    }

    private func isSigned(_ object: JSONObject, by notary: KeyNotary) async throws -> Bool {
        if notary.isTrustedUnsigned { return true }
        let name = notary.serverName.rawValue
        for keyID in object["signatures"]?[name]?.objectValue?.keys.prefix(8) ?? [] {
            var publicKey = notary.publicKeys[keyID]
            if notary.publicKeys.isEmpty { publicKey = try await ownKey(of: notary.serverName, keyID) }
            guard let publicKey else { continue }
            if SignatureVerifier.verify(object: object, name: name, keyID: keyID, publicKey: publicKey) { return true }
        }
        return false
    }

    /// A notary's own key, which no other notary vouches for.
    private func ownKey(of notary: ServerName, _ keyID: String) async throws -> [UInt8]? {
        let now = environment.nowMs()
        func current() throws -> [UInt8]? {
            guard let key = try known([Wish(server: notary, keyID: keyID, atMs: now)])[0],
                case .current = key.validity, key.validity.lastTimestamp >= now
            else { return nil }
            return key.publicKey
        }
        if let key = try current() { return key }
        try await askItself(notary, isHeardFrom: false)
        return try current()
    }

    // MARK: What came

    /// Checks a document and logs it when it teaches something.
    private func take(_ object: JSONObject, about server: ServerName, from notary: ServerName?) async throws {
        guard let document = ServerKeyDocument(object), document.serverName == server,
            let proven = document.provenKeys, object.canonicalBytes().count <= Self.largestDocument
        else { return }
        let fetched = environment.nowMs()
        guard try teaches(document, proven, fetchedMs: fetched) else { return }
        let fact = ServerKeysLearned(
            serverName: server.rawValue, document: object, keyIDs: proven.map(\.id), fetchedMs: fetched,
            notary: notary?.rawValue)
        let record = fact.record(
            stream: StreamID(kind: .server, name: server.rawValue), actor: (notary ?? server).rawValue, cause: "keys")
        _ = try await environment.log.append(LogBatch(records: [record]))
    }

    private func teaches(
        _ document: ServerKeyDocument, _ proven: [ServerKeyDocument.Key], fetchedMs: Int64
    ) throws -> Bool {
        let held = try queries.keys(proven.map { (document.serverName, $0.id) })
        for (key, held) in zip(proven, held) {
            guard let held, held.text == key.text else { return true }
            switch (held.validity, key.expired) {
            case (.old(let before), let expired?): if before != expired { return true }
            case (.current, _?): return true
            case (.old, nil): continue
            case (.current, nil):
                let now = SigningKeyValidity.current(validUntil: document.validUntil, fetchedAt: fetchedMs)
                if now.lastTimestamp > held.validity.lastTimestamp { return true }
            }
        }
        return try queries.document(of: document.serverName).map { $0.validUntil < document.validUntil } ?? true
    }
}
