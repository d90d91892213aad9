import KeyValueStore
import LogEvents
import ReadModel

/// Devices with their access and refresh tokens, which begin and end together.
struct DeviceTables {
    let tables: ViewTables

    private func device(
        _ user: UserNum, _ deviceID: String, _ transaction: borrowing WriteTransaction
    ) throws -> DeviceRow? {
        try transaction.get(tables.accountsDevices, ViewKeys.device(user, deviceID)) { try DeviceRow(reading: $0) }
    }

    private func put(_ row: DeviceRow, of user: UserNum, _ transaction: borrowing WriteTransaction) throws {
        try transaction.put(tables.accountsDevices, ViewKeys.device(user, row.deviceID), row.encoded())
    }

    /// Changes a device if it is still there.
    func update(
        _ user: UserNum, _ deviceID: String, _ transaction: borrowing WriteTransaction,
        _ change: (inout DeviceRow) -> Void
    ) throws {
        guard var row = try device(user, deviceID, transaction) else { return }
        change(&row)
        try put(row, of: user, transaction)
    }

    // MARK: - Beginning

    /// A login: a device that exists already keeps its name unless another is given, and loses its tokens.
    func register(
        _ fact: DeviceRegistered, _ user: UserNum, atMs: Int64, _ transaction: borrowing WriteTransaction
    ) throws {
        var row = DeviceRow(deviceID: fact.deviceID, displayName: fact.displayName, createdMs: atMs)
        if let old = try device(user, fact.deviceID, transaction) {
            try endTokens(old, transaction)
            row.createdMs = old.createdMs
            row.displayName = fact.displayName ?? old.displayName
        }
        row.lastSeenMs = atMs
        row.lastSeenIP = fact.ip
        row.lastSeenUserAgent = fact.userAgent
        let issued = IssuedTokens(
            access: fact.tokenHash, accessExpiresAtMs: fact.tokenExpiresAtMs,
            refresh: fact.refreshHash, refreshExpiresAtMs: fact.refreshExpiresAtMs)
        try issue(issued, to: &row, of: user, transaction)
        try put(row, of: user, transaction)
    }

    /// A device that nobody is logged in on.
    func addWithoutLogin(
        _ deviceID: String, named name: String?, _ user: UserNum, atMs: Int64,
        _ transaction: borrowing WriteTransaction
    ) throws {
        guard try device(user, deviceID, transaction) == nil else { return }
        let row = DeviceRow(deviceID: deviceID, displayName: name, createdMs: atMs)
        try put(row, of: user, transaction)
    }

    /// "The old refresh token remains valid until the new access token or refresh token is used": it stays, marked, until
    /// another one is spent. The old access token ends at once: "a server can choose to invalidate the previous access
    /// token immediately" (POST /refresh).
    func refresh(
        _ fact: TokensRefreshed, _ user: UserNum, _ transaction: borrowing WriteTransaction
    ) throws {
        guard var row = try device(user, fact.deviceID, transaction) else { return }
        let old = try TokenHash.bytes(fact.oldRefreshHash, "old_refresh_hash")
        for hash in row.tokenHashes { try transaction.delete(tables.accountsTokens, ViewKeys.token(hash: hash)) }
        for hash in row.refreshHashes where hash != old {
            try transaction.delete(tables.accountsRefreshTokens, ViewKeys.token(hash: hash))
        }
        row.tokenHashes = []
        row.refreshHashes = row.refreshHashes.filter { $0 == old }
        let issued = IssuedTokens(
            access: fact.tokenHash, accessExpiresAtMs: fact.tokenExpiresAtMs,
            refresh: fact.refreshHash, refreshExpiresAtMs: fact.refreshExpiresAtMs)
        try issue(issued, to: &row, of: user, transaction)
        let key = ViewKeys.token(hash: old)
        if var spent = try transaction.get(tables.accountsRefreshTokens, key, { try RefreshTokenRow(reading: $0) }) {
            spent.replacedBy = row.tokenHashes.last
            try transaction.put(tables.accountsRefreshTokens, key, spent.encoded())
        }
        try put(row, of: user, transaction)
    }

    private struct IssuedTokens {
        let access: String
        let accessExpiresAtMs: Int64?
        let refresh: String?
        let refreshExpiresAtMs: Int64?
    }

    private func issue(
        _ tokens: IssuedTokens, to device: inout DeviceRow, of user: UserNum, _ transaction: borrowing WriteTransaction
    ) throws {
        let access = try TokenHash.bytes(tokens.access, "token_hash")
        let row = TokenRow(
            user: user, deviceID: device.deviceID, expiresAtMs: tokens.accessExpiresAtMs ?? 0, hash: access)
        try transaction.put(tables.accountsTokens, ViewKeys.token(hash: access), row.encoded())
        device.tokenHashes.append(access)
        guard let text = tokens.refresh else { return }
        let refresh = try TokenHash.bytes(text, "refresh_hash")
        let refreshRow = RefreshTokenRow(
            user: user, deviceID: device.deviceID, expiresAtMs: tokens.refreshExpiresAtMs ?? 0, hash: refresh,
            accessHash: access)
        try transaction.put(tables.accountsRefreshTokens, ViewKeys.token(hash: refresh), refreshRow.encoded())
        device.refreshHashes.append(refresh)
    }

    // MARK: - Ending

    private func endTokens(_ row: DeviceRow, _ transaction: borrowing WriteTransaction) throws {
        for hash in row.tokenHashes { try transaction.delete(tables.accountsTokens, ViewKeys.token(hash: hash)) }
        for hash in row.refreshHashes {
            try transaction.delete(tables.accountsRefreshTokens, ViewKeys.token(hash: hash))
        }
    }

    func remove(_ user: UserNum, _ deviceID: String, _ transaction: borrowing WriteTransaction) throws {
        guard let row = try device(user, deviceID, transaction) else { return }
        try endTokens(row, transaction)
        try transaction.delete(tables.accountsDevices, ViewKeys.device(user, deviceID))
    }

    func removeAll(of user: UserNum, _ transaction: borrowing WriteTransaction) throws {
        var rows: [DeviceRow] = []
        try transaction.forEach(tables.accountsDevices, prefix: ViewKeys.user(user)) { _, value in
            rows.append(try DeviceRow(reading: value))
            return true
        }
        for row in rows { try remove(user, row.deviceID, transaction) }
    }
}

/// Token hashes as the log spells them.
enum TokenHash {
    /// The 32 bytes of an unpadded base64 text, of either alphabet.
    static func bytes(_ text: String, _ member: String) throws -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(32)
        var bits: UInt32 = 0
        var count = 0
        for character in text.utf8 {
            guard let value = value(of: character) else { throw AccountFault.notAHash(member) }
            bits = (bits << 6 | value) & 0xff_ffff
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        guard bytes.count == 32 else { throw AccountFault.notAHash(member) }
        return bytes
    }

    private static func value(of character: UInt8) -> UInt32? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(character - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(character - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(character - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+"), UInt8(ascii: "-"): 62
        case UInt8(ascii: "/"), UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
