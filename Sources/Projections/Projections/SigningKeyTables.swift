import CanonicalJSON
import EventLog
import KeyValueStore
import LogEvents
import ProjectionEngine
import ReadModel

/// Cross-signing keys, and signatures that users put on their own and on each other's keys.
struct SigningKeyTables {
    private let tables: ViewTables
    private let lists: DeviceListTables
    private let devices: DeviceKeyTables

    init(_ record: DecodedRecord, _ batch: BatchContext) {
        tables = batch.tables
        lists = DeviceListTables(record, batch)
        devices = DeviceKeyTables(record, batch)
    }

    private func key(
        _ user: UserNum, _ usage: CrossSigningUsage, _ transaction: borrowing WriteTransaction
    ) throws -> JSONObject? {
        try transaction.get(tables.keysCrossSigning, ViewKeys.crossSigning(user, usage)) {
            try JSONValue.parse($0, limits: .storedPayload).objectValue ?? [:]
        }
    }

    private func put(
        _ object: JSONObject, _ user: UserNum, _ usage: CrossSigningUsage, _ transaction: borrowing WriteTransaction
    ) throws {
        try transaction.put(
            tables.keysCrossSigning, ViewKeys.crossSigning(user, usage), object.canonicalBytes())
    }

    func set(_ fact: CrossSigningKeysSet, of user: UserNum, _ transaction: borrowing WriteTransaction) throws {
        let given: [(CrossSigningUsage, JSONObject?)] = [
            (.master, fact.master), (.selfSigning, fact.selfSigning), (.userSigning, fact.userSigning),
        ]
        for (usage, object) in given {
            let old = try key(user, usage, transaction)
            if let object {
                let merged = old.map { KeySignatures.merged(object, keepingThoseOf: $0) } ?? object
                try put(merged, user, usage, transaction)
            }
            // What the former master key signed is not signed by the new one.
            if usage == .master, let object, let old, old["keys"] != object["keys"] {
                try transaction.delete(tables.keysCrossSigning, ViewKeys.crossSigning(user, .selfSigning))
                try transaction.delete(tables.keysCrossSigning, ViewKeys.crossSigning(user, .userSigning))
            }
        }
        if fact.master != nil || fact.selfSigning != nil {
            try lists.changed(user, devices: [], signingKeys: true, transaction)
        } else {
            // "user-signing key (USK) -- only visible to the user that it belongs to"
            try lists.changed(user, for: user, transaction)
        }
    }

    func add(
        _ fact: KeySignaturesAdded, by signer: UserNum, to target: UserNum,
        _ transaction: borrowing WriteTransaction
    ) throws {
        guard signer == target else { return try addForeign(fact, by: signer, to: target, transaction) }
        let signatures: JSONObject = [fact.signer: .object(fact.signatures)]
        if let deviceID = fact.deviceID {
            guard var held = try devices.held(target, deviceID, transaction),
                let object = try JSONObject.parse(held.keysJSON.isEmpty ? Array("{}".utf8) : held.keysJSON),
                KeySignatures.coverTheSame(object, fact.signed)
            else { return }
            held.keysJSON = KeySignatures.adding(signatures, to: object, overwriting: true).canonicalBytes()
            try devices.put(held, target, deviceID, transaction)
        } else {
            guard let object = try key(target, .master, transaction),
                KeySignatures.coverTheSame(object, fact.signed)
            else { return }
            try put(
                KeySignatures.adding(signatures, to: object, overwriting: true), target, .master, transaction)
        }
        try lists.changed(
            target, devices: fact.deviceID.map { [$0] } ?? [], signingKeys: fact.deviceID == nil, transaction)
    }

    /// "signatures […] that the requesting user is allowed to see": of what others signed, each sees their own.
    private func addForeign(
        _ fact: KeySignaturesAdded, by signer: UserNum, to target: UserNum,
        _ transaction: borrowing WriteTransaction
    ) throws {
        let object: JSONObject = ["keys": fact.signed["keys"] ?? [:], "signatures": .object(fact.signatures)]
        try transaction.put(
            tables.keysSignatures, ViewKeys.foreignSignatures(by: signer, of: target),
            object.canonicalBytes())
        try lists.changed(target, for: signer, transaction)
    }

    func removeAll(of user: UserNum, _ transaction: borrowing WriteTransaction) throws {
        let removed = try transaction.deletePrefix(tables.keysCrossSigning, ViewKeys.user(user))
        try transaction.deletePrefix(tables.keysSignatures, ViewKeys.user(user))
        if removed > 0 { try lists.changed(user, devices: [], signingKeys: true, transaction) }
    }
}
