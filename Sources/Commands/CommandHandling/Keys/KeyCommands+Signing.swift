package import CanonicalJSON
package import Decisions
import EventSigning
import LogEvents
package import MatrixIdentifiers
import Queries
import ReadModel

extension KeyCommands {
    // MARK: Cross-signing keys

    /// What the caller has published before.
    package func crossSigning(of user: UserID) throws -> CrossSigningUpload.Present {
        CrossSigningUpload.Present(
            master: try queries.crossSigningKey(user, .master),
            selfSigning: try queries.crossSigningKey(user, .selfSigning),
            userSigning: try queries.crossSigningKey(user, .userSigning),
            deviceIDs: try queries.deviceIDs(of: user)
        )
    }

    /// Publishes cross-signing keys.
    ///
    /// - Parameter isAuthenticated: whether the caller has proved who they are; without, what needs it is refused, since
    ///   another request may have been first.
    package func publish(_ upload: CrossSigningUpload, isAuthenticated: Bool, caller: Caller) async throws {
        let user = caller.userID
        try await turns.run("signing \(user)") {
            let present = try crossSigning(of: user)
            guard isAuthenticated || !upload.needsAuthentication(present) else {
                throw Rejection.forbidden("Another request changed the keys: authenticate to change them again.")
            }
            guard let fact = try upload.decide(present, userID: user.rawValue) else { return }
            try await append([record(fact, AccountCommands.stream(of: user), caller)])
        }
    }

    // MARK: Signatures

    /// Adds signatures to keys, each that is valid.
    ///
    /// - Returns: the failures: user to key to error.
    package func addSignatures(_ body: JSONObject, caller: Caller) async throws -> JSONObject {
        var uploads: [SignatureUpload] = []
        for (target, value) in body {
            guard let keys = value.objectValue else { throw Rejection.badJSON("\(target) must be an object.") }
            guard UserID(target) != nil else { throw Rejection.invalidParam("\(target) is no user ID.") }
            for (name, value) in keys {
                guard let uploaded = value.objectValue else { throw Rejection.badJSON("\(name) must be an object.") }
                uploads.append(
                    SignatureUpload(
                        signer: caller.userID.rawValue, target: target, keyName: name, uploaded: uploaded))
            }
        }
        let all = uploads
        return try await turns.run("signing \(caller.userID)") {
            var failures: JSONObject = [:]
            var facts: [KeySignaturesAdded] = []
            for upload in all {
                do {
                    if let fact = try decide(upload, caller: caller) { facts.append(fact) }
                } catch let rejection as Rejection {
                    var ofUser = failures[upload.target]?.objectValue ?? [:]
                    ofUser[upload.keyName] = [
                        "errcode": .string(rejection.errcode), "error": .string(rejection.message),
                    ]
                    failures[upload.target] = .object(ofUser)
                }
            }
            let stream = AccountCommands.stream(of: caller.userID)
            if !facts.isEmpty { try await append(facts.map { record($0, stream, caller) }) }
            return failures
        }
    }

    private func decide(_ upload: SignatureUpload, caller: Caller) throws -> KeySignaturesAdded? {
        let master = try UserID(upload.target).flatMap { try queries.crossSigningKey($0, .master) }
        let isMaster = master?["keys"]?["ed25519:\(upload.keyName)"] != nil
        guard upload.target.utf8.elementsEqual(caller.userID.rawValue.utf8) else {
            // "that signs other users' master signing keys": nothing else of another user is signed.
            return try upload.decide(
                stored: isMaster ? master : nil, isDevice: false,
                signers: Self.signers(try queries.crossSigningKey(caller.userID, .userSigning)))
        }
        if isMaster {
            // "The master signing key may also be signed by the user's own device keys"
            var signers: [String: [UInt8]] = [:]
            let given = upload.uploaded["signatures"]?[caller.userID.rawValue]?.objectValue ?? [:]
            for keyID in given.keys where keyID.utf8.starts(with: "ed25519:".utf8) {
                let device = try queries.deviceKeys(caller.userID, String(keyID.dropFirst("ed25519:".count)))
                signers[keyID] = device?["keys"]?[keyID]?.stringValue.flatMap(UnpaddedBase64.decode)
            }
            return try upload.decide(stored: master, isDevice: false, signers: signers)
        }
        return try upload.decide(
            stored: try queries.deviceKeys(caller.userID, upload.keyName), isDevice: true,
            signers: Self.signers(try queries.crossSigningKey(caller.userID, .selfSigning)))
    }

    private static func signers(_ key: JSONObject?) -> [String: [UInt8]] {
        var signers: [String: [UInt8]] = [:]
        for (keyID, value) in key?["keys"]?.objectValue ?? [:] {
            signers[keyID] = value.stringValue.flatMap(UnpaddedBase64.decode)
        }
        return signers
    }
}
