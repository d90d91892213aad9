import KeyValueStore
import LogEvents
import ProjectionEngine
import ReadModel

extension AccountsProjection {
    func register(
        _ fact: AccountRegistered, _ record: DecodedRecord, _ transaction: borrowing WriteTransaction,
        _ batch: BatchContext
    ) throws {
        let user = try batch.user(fact.userID, transaction)
        let row = AccountRow(
            userID: fact.userID,
            accountKind: fact.accountKind,
            passwordHash: fact.passwordHash,
            flags: fact.isAdmin ? .admin : [],
            createdMs: record.wallTimeMs
        )
        try transaction.put(batch.tables.accountsRows, ViewKeys.user(user), row.encoded())
        try transaction.put(
            batch.tables.accountsByName,
            ViewKeys.text(Self.listingName(of: fact.userID)),
            StoreKey().appending(user.rawValue)
        )
        if let token = fact.registrationToken {
            try updateRegistrationToken(token, transaction, batch, orCreate: false) { $0.completed &+= 1 }
        }
        batch.touched.users.insert(user)
    }

    func upgrade(
        _ fact: GuestUpgraded, _ transaction: borrowing WriteTransaction, _ batch: BatchContext
    ) throws {
        try update(fact.userID, transaction, batch) { row in
            row.accountKind = "user"
            row.passwordHash = fact.passwordHash
        }
        if let token = fact.registrationToken {
            try updateRegistrationToken(token, transaction, batch, orCreate: false) { $0.completed &+= 1 }
        }
    }

    /// The localpart with its ASCII letters in lower case.
    private static func listingName(of userID: String) -> String {
        let localpart = userID.utf8.dropFirst().prefix { $0 != UInt8(ascii: ":") }
        let lowered = localpart.map { (0x41...0x5a).contains($0) ? $0 | 0x20 : $0 }
        return String(decoding: lowered, as: UTF8.self)
    }

    /// Changes the row of an account that must exist.
    @discardableResult
    func update(
        _ userID: String, _ transaction: borrowing WriteTransaction, _ batch: BatchContext,
        _ change: (inout AccountRow) -> Void
    ) throws -> UserNum {
        let user = try batch.user(userID, transaction)
        let key = ViewKeys.user(user)
        guard var row = try transaction.get(batch.tables.accountsRows, key, { try AccountRow(reading: $0) }) else {
            throw AccountFault.noAccount(userID)
        }
        change(&row)
        try transaction.put(batch.tables.accountsRows, key, row.encoded())
        batch.touched.users.insert(user)
        return user
    }

    static func set(_ flag: AccountRow.Flags, _ value: Bool?, in flags: inout AccountRow.Flags) {
        switch value {
        case true: flags.insert(flag)
        case false: flags.remove(flag)
        case nil: return
        }
    }

    func updateRegistrationToken(
        _ token: String, _ transaction: borrowing WriteTransaction, _ batch: BatchContext, orCreate: Bool,
        _ change: (inout RegistrationTokenRow) -> Void
    ) throws {
        let table = batch.tables.accountsRegistrationTokens
        let key = ViewKeys.text(token)
        var row = try transaction.get(table, key) { try RegistrationTokenRow(reading: $0) }
        if row == nil, orCreate { row = RegistrationTokenRow(token: token, usesAllowed: nil, expiresAtMs: nil) }
        // A token that was deleted while somebody registered with it counts no more.
        guard var row else { return }
        change(&row)
        try transaction.put(table, key, row.encoded())
    }
}

enum AccountFault: Error, CustomStringConvertible {
    case noAccount(String)
    case notAHash(String)

    var description: String {
        switch self {
        case .noAccount(let userID): "there is no account \(userID)"
        case .notAHash(let member): "\(member) is not the base64 of a hash of 32 bytes"
        }
    }
}
