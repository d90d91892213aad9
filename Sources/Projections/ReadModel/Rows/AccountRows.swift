package import KeyValueStore

/// A local account.
package struct AccountRow: Hashable, Sendable {
    package struct Flags: OptionSet, Sendable, Hashable {
        package let rawValue: UInt8

        package init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        package static let admin = Flags(rawValue: 1)
        package static let locked = Flags(rawValue: 2)
        package static let suspended = Flags(rawValue: 4)
        package static let deactivated = Flags(rawValue: 8)
        package static let erased = Flags(rawValue: 16)
    }

    package var userID: String
    /// `user`, `guest`, `appservice`, `support` or `bot`.
    package var accountKind: String
    package var passwordHash: String?
    package var flags: Flags
    package var createdMs: Int64

    package init(userID: String, accountKind: String, passwordHash: String?, flags: Flags, createdMs: Int64) {
        self.userID = userID
        self.accountKind = accountKind
        self.passwordHash = passwordHash
        self.flags = flags
        self.createdMs = createdMs
    }

    package var isAdmin: Bool { flags.contains(.admin) }
    package var isLocked: Bool { flags.contains(.locked) }
    package var isSuspended: Bool { flags.contains(.suspended) }
    package var isDeactivated: Bool { flags.contains(.deactivated) }
    package var isErased: Bool { flags.contains(.erased) }
    package var isGuest: Bool { accountKind.utf8.elementsEqual("guest".utf8) }

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        flags = Flags(rawValue: try input.readUInt8())
        createdMs = try input.readInt64()
        userID = try input.readFramedString()
        accountKind = try input.readFramedString()
        passwordHash = try input.readOptionalString()
        try input.expectEnd()
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: 160)
        out.write(flags.rawValue)
        out.write(createdMs)
        out.writeFramed(userID)
        out.writeFramed(accountKind)
        out.writeOptional(passwordHash)
        return out
    }
}

/// A device of a local account.
package struct DeviceRow: Hashable, Sendable {
    package var deviceID: String
    package var displayName: String?
    package var createdMs: Int64
    /// 0 when it was never seen.
    package var lastSeenMs: Int64 = 0
    package var lastSeenIP: String?
    package var lastSeenUserAgent: String?
    /// Full hashes of the access tokens that still count, newest last.
    package var tokenHashes: [[UInt8]] = []
    /// Full hashes of the refresh tokens that are known, newest last.
    package var refreshHashes: [[UInt8]] = []

    package init(deviceID: String, displayName: String?, createdMs: Int64) {
        self.deviceID = deviceID
        self.displayName = displayName
        self.createdMs = createdMs
    }

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        deviceID = try input.readFramedString()
        displayName = try input.readOptionalString()
        createdMs = try input.readInt64()
        lastSeenMs = try input.readInt64()
        lastSeenIP = try input.readOptionalString()
        lastSeenUserAgent = try input.readOptionalString()
        tokenHashes = try input.readHashes()
        refreshHashes = try input.readHashes()
        try input.expectEnd()
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: 160)
        out.writeFramed(deviceID)
        out.writeOptional(displayName)
        out.write(createdMs)
        out.write(lastSeenMs)
        out.writeOptional(lastSeenIP)
        out.writeOptional(lastSeenUserAgent)
        out.writeHashes(tokenHashes)
        out.writeHashes(refreshHashes)
        return out
    }
}

/// An access token that counts, found by its hash.
package struct TokenRow: Hashable, Sendable {
    package var user: UserNum
    package var deviceID: String
    /// Wall time in milliseconds; 0 for never.
    package var expiresAtMs: Int64
    /// The key holds only half of it.
    package var hash: [UInt8]

    package init(user: UserNum, deviceID: String, expiresAtMs: Int64, hash: [UInt8]) {
        self.user = user
        self.deviceID = deviceID
        self.expiresAtMs = expiresAtMs
        self.hash = hash
    }

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        user = try input.readUser()
        expiresAtMs = try input.readInt64()
        deviceID = try input.readFramedString()
        hash = try input.readFramedBytes()
        try input.expectEnd()
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: 64)
        out.write(user.rawValue)
        out.write(expiresAtMs)
        out.writeFramed(deviceID)
        out.writeFramed(hash)
        return out
    }
}

/// A refresh token, spent or not.
package struct RefreshTokenRow: Hashable, Sendable {
    package var user: UserNum
    package var deviceID: String
    /// Wall time in milliseconds; 0 for never.
    package var expiresAtMs: Int64
    package var hash: [UInt8]
    /// The hash of the access token it was given out with.
    package var accessHash: [UInt8]
    /// The hash of the access token that it was spent for; nil while it can be used.
    package var replacedBy: [UInt8]?

    package init(user: UserNum, deviceID: String, expiresAtMs: Int64, hash: [UInt8], accessHash: [UInt8]) {
        self.user = user
        self.deviceID = deviceID
        self.expiresAtMs = expiresAtMs
        self.hash = hash
        self.accessHash = accessHash
    }

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        user = try input.readUser()
        expiresAtMs = try input.readInt64()
        deviceID = try input.readFramedString()
        hash = try input.readFramedBytes()
        accessHash = try input.readFramedBytes()
        let replaced = try input.readFramedBytes()
        replacedBy = replaced.isEmpty ? nil : replaced
        try input.expectEnd()
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: 128)
        out.write(user.rawValue)
        out.write(expiresAtMs)
        out.writeFramed(deviceID)
        out.writeFramed(hash)
        out.writeFramed(accessHash)
        out.writeFramed(replacedBy ?? [])
        return out
    }
}

/// A registration token.
package struct RegistrationTokenRow: Hashable, Sendable {
    package var token: String
    /// Nil for any number.
    package var usesAllowed: Int64?
    package var completed: Int64
    /// Registrations that were begun and not finished. The log knows none of them, so it is 0 in the table.
    package var pending: Int64
    /// Wall time in milliseconds; nil for never.
    package var expiresAtMs: Int64?

    package init(
        token: String, usesAllowed: Int64?, completed: Int64 = 0, pending: Int64 = 0, expiresAtMs: Int64?
    ) {
        self.token = token
        self.usesAllowed = usesAllowed
        self.completed = completed
        self.pending = pending
        self.expiresAtMs = expiresAtMs
    }

    package init(reading value: UnsafeRawBufferPointer) throws(ByteFault) {
        var input = ByteReader(value)
        token = try input.readFramedString()
        usesAllowed = try input.readUInt8() == 0 ? nil : try input.readInt64()
        expiresAtMs = try input.readUInt8() == 0 ? nil : try input.readInt64()
        completed = try input.readInt64()
        pending = try input.readInt64()
        try input.expectEnd()
    }

    package func encoded() -> ByteWriter {
        var out = ByteWriter(capacity: 64)
        out.writeFramed(token)
        out.writeOptional(usesAllowed)
        out.writeOptional(expiresAtMs)
        out.write(completed)
        out.write(pending)
        return out
    }
}

extension ByteReader {
    mutating func readOptionalString() throws(ByteFault) -> String? {
        try readUInt8() == 0 ? nil : try readFramedString()
    }

    mutating func readHashes() throws(ByteFault) -> [[UInt8]] {
        let count = try readVarint()
        guard count <= UInt64(remaining) else { throw .truncated }
        var hashes: [[UInt8]] = []
        for _ in 0..<count { hashes.append(try readFramedBytes()) }
        return hashes
    }
}

extension ByteWriter {
    mutating func writeOptional(_ text: String?) {
        write(UInt8(text == nil ? 0 : 1))
        if let text { writeFramed(text) }
    }

    mutating func writeOptional(_ number: Int64?) {
        write(UInt8(number == nil ? 0 : 1))
        if let number { write(number) }
    }

    mutating func writeHashes(_ hashes: [[UInt8]]) {
        writeVarint(UInt64(hashes.count))
        for hash in hashes { writeFramed(hash) }
    }
}
