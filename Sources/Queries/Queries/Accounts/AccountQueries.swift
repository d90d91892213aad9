package import CanonicalJSON
import EventLog
import KeyValueStore
package import MatrixIdentifiers
package import ReadModel

/// Accounts, their devices and tokens, and what users keep on the server.
package struct AccountQueries: Sendable {
    package let views: Views

    package init(views: Views) {
        self.views = views
    }

    // MARK: Tokens

    /// Whose access token has this BLAKE2b-256 hash. Whether it has expired is for the caller, who has the clock.
    package func identity(tokenHash: [UInt8]) throws -> Identity? {
        try views.snapshot { snapshot in
            let value = try snapshot.get(snapshot.tables.accountsTokens, ViewKeys.token(hash: tokenHash))
            guard let token = try value.map({ try TokenRow(reading: $0) }), token.hash == tokenHash,
                let account = try snapshot.account(token.user)
            else { return nil }
            return Identity(
                userID: try UserID(parsing: account.userID),
                userNum: token.user,
                deviceID: token.deviceID,
                isAdmin: account.isAdmin,
                isGuest: account.isGuest,
                isLocked: account.isLocked,
                isSuspended: account.isSuspended,
                isDeactivated: account.isDeactivated,
                expiresAtMs: token.expiresAtMs
            )
        }
    }

    /// The refresh token of this BLAKE2b-256 hash, spent or not.
    package func refreshToken(hash: [UInt8]) throws -> RefreshTokenRow? {
        try views.snapshot { snapshot in
            let value = try snapshot.get(snapshot.tables.accountsRefreshTokens, ViewKeys.token(hash: hash))
            guard let row = try value.map({ try RefreshTokenRow(reading: $0) }), row.hash == hash else { return nil }
            return row
        }
    }

    package func registrationToken(_ token: String) throws -> RegistrationTokenRow? {
        try views.snapshot { snapshot in
            let value = try snapshot.get(snapshot.tables.accountsRegistrationTokens, ViewKeys.text(token))
            return try value.map { try RegistrationTokenRow(reading: $0) }
        }
    }

    package func registrationTokens() throws -> [RegistrationTokenRow] {
        try views.snapshot { snapshot in
            var rows: [RegistrationTokenRow] = []
            try snapshot.forEach(snapshot.tables.accountsRegistrationTokens) { _, value in
                rows.append(try RegistrationTokenRow(reading: value))
                return true
            }
            return rows
        }
    }

    // MARK: Accounts

    package func number(of user: UserID) throws -> UserNum? {
        try views.snapshot { try $0.number(of: user) }
    }

    package func account(_ user: UserID) throws -> AccountRow? {
        try views.snapshot { snapshot in try snapshot.number(of: user).flatMap { try snapshot.account($0) } }
    }

    package func userID(_ user: UserNum) throws -> UserID {
        try views.snapshot { try $0.userID(user) }
    }

    /// Accounts in the order of their localparts.
    ///
    /// - Parameter localpart: begin behind it.
    package func accounts(after localpart: String?, limit: Int) throws -> [AccountRow] {
        try views.snapshot { snapshot in
            var rows: [AccountRow] = []
            let start = localpart.map { ViewKeys.text($0) }
            try snapshot.forEach(snapshot.tables.accountsByName, from: start) { key, value in
                if let start, start.withStoreBytes({ $0.elementsEqual(key) }) { return true }
                if rows.count >= limit { return false }
                if let user: UInt32 = value.number(at: 0), let row = try snapshot.account(UserNum(rawValue: user)) {
                    rows.append(row)
                }
                return true
            }
            return rows
        }
    }

    package func accountCount() throws -> Int {
        try views.snapshot { try $0.count($0.tables.accountsRows) }
    }

    // MARK: Devices

    package func device(_ user: UserID, _ deviceID: String) throws -> DeviceRow? {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: user) else { return nil }
            let value = try snapshot.get(snapshot.tables.accountsDevices, ViewKeys.device(number, deviceID))
            return try value.map { try DeviceRow(reading: $0) }
        }
    }

    package func devices(_ user: UserID) throws -> [DeviceRow] {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: user) else { return [] }
            var rows: [DeviceRow] = []
            try snapshot.forEach(snapshot.tables.accountsDevices, prefix: ViewKeys.user(number)) { _, value in
                rows.append(try DeviceRow(reading: value))
                return true
            }
            return rows
        }
    }

    // MARK: What users keep

    /// All fields of a profile; nil for a user without one.
    package func profile(_ user: UserID) throws -> JSONObject? {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: user),
                let value = try snapshot.get(snapshot.tables.profilesFields, ViewKeys.user(number))
            else { return nil }
            return try JSONValue.parse(value, limits: .storedData).objectValue
        }
    }

    /// The content of an entry of account data, as JSON; nil when it was never set.
    ///
    /// - Parameter room: nil for global account data. `m.push_rules` is there for everybody.
    package func accountData(_ user: UserID, room: RoomID?, type: String) throws -> [UInt8]? {
        let stored = try views.snapshot { snapshot -> [UInt8]? in
            guard let number = try snapshot.number(of: user) else { return nil }
            var roomNumber = RoomNum.none
            if let room {
                guard let known = try snapshot.number(of: room) else { return nil }
                roomNumber = known
            }
            return try snapshot.accountData(number, roomNumber, type).map { Array($0.contentJSON) }
        }
        if stored == nil, room == nil, type.utf8.elementsEqual("m.push_rules".utf8) {
            return try PushRuleQueries(views: views).content(of: user).canonicalBytes()
        }
        return stored
    }

    /// A stored filter.
    package func filter(_ user: UserID, id: String) throws -> JSONValue? {
        try views.snapshot { snapshot in
            guard let number = try snapshot.number(of: user),
                let value = try snapshot.get(snapshot.tables.filtersRows, ViewKeys.filter(number, id))
            else { return nil }
            return try JSONValue.parse(value, limits: .storedData)
        }
    }
}

extension Snapshot {
    func account(_ user: UserNum) throws -> AccountRow? {
        try get(tables.accountsRows, ViewKeys.user(user)).map { try AccountRow(reading: $0) }
    }

    /// - Parameter room: ``RoomNum/none`` for global account data.
    func accountData(_ user: UserNum, _ room: RoomNum, _ type: String) throws -> AccountDataRow? {
        let value = try get(tables.accountDataRows, ViewKeys.accountData(user, room, type))
        return try value.map { try AccountDataRow(reading: $0) }
    }
}

extension JSONLimits {
    /// What users keep on the server was within limits when it came; it must always be readable.
    static let storedData: JSONLimits = {
        var limits = JSONLimits.clientBody
        limits.maxBytes = 64 << 20
        limits.maxDepth += 8
        return limits
    }()
}
