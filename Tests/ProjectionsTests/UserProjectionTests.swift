import CanonicalJSON
import EventLog
import KeyValueStore
import LogEvents
import ProjectionEngine
import ReadModel
import Testing

private let alice = "@Alice:a"
private let room = "!r:a"

/// The unpadded base64 of 32 bytes that all have one value, and the bytes.
private func hash(_ letter: Character) -> String { String(repeating: letter, count: 42) + "A" }

private func hashBytes(_ letter: Character) -> [UInt8] {
    let value = UInt8(letter.asciiValue ?? 65) - 65
    var bytes: [UInt8] = []
    for index in 0..<32 {
        // Each group of four letters holds three bytes; the last letter is an A.
        let bit = index * 8
        var byte: UInt16 = 0
        for part in 0..<8 {
            let position = bit + part
            let digit: UInt8 = position / 6 == 42 ? 0 : value
            byte = byte << 1 | UInt16(digit >> UInt8(5 - position % 6) & 1)
        }
        bytes.append(UInt8(byte))
    }
    return bytes
}

@Suite struct UserProjectionTests {
    private func account(_ fixture: ViewFixture) throws -> AccountRow {
        try fixture.read { transaction, tables in
            let user = try #require(try transaction.user(tables, alice))
            return try AccountRow(reading: try #require(try transaction.get(tables.accountsRows, ViewKeys.user(user))))
        }
    }

    private func hasToken(_ fixture: ViewFixture, _ letter: Character) throws -> Bool {
        try fixture.read { transaction, tables in
            guard let value = try transaction.get(tables.accountsTokens, ViewKeys.token(hash: hashBytes(letter))) else {
                return false
            }
            return try TokenRow(reading: value).hash == hashBytes(letter)
        }
    }

    private func refreshRow(_ fixture: ViewFixture, _ letter: Character) throws -> RefreshTokenRow? {
        try fixture.read { transaction, tables in
            let key = ViewKeys.token(hash: hashBytes(letter))
            return try transaction.get(tables.accountsRefreshTokens, key) { try RefreshTokenRow(reading: $0) }
        }
    }

    @Test func accountsLiveAndEnd() throws {
        var log = LogScript()
        log.append(RegistrationTokenSet(token: "tok", usesAllowed: 3, expiresAtMs: 9))
        log.append(AccountRegistered(userID: alice, passwordHash: "h", accountKind: "user", registrationToken: "tok"))
        log.append(AccountFlagsChanged(userID: alice, isAdmin: true, isLocked: true))
        log.append(AccountFlagsChanged(userID: alice, isLocked: false))
        log.append(PasswordChanged(userID: alice, passwordHash: "h2"))
        log.append(DeviceRegistered(userID: alice, deviceID: "D", tokenHash: hash("B")))
        let fixture = try ViewFixture(log)
        var row = try account(fixture)
        #expect(row.flags == .admin)
        #expect(row.passwordHash == "h2")
        #expect(row.createdMs == 1_700_000_000_001)
        #expect(try hasToken(fixture, "B"))
        try fixture.read { transaction, tables in
            let value = try #require(try transaction.get(tables.accountsRegistrationTokens, ViewKeys.text("tok")))
            let token = try RegistrationTokenRow(reading: value)
            #expect(token.completed == 1)
            #expect(token.usesAllowed == 3)
            try #expect(transaction.contains(tables.accountsByName, ViewKeys.text("alice")))
        }
        log.append(AccountDeactivated(userID: alice, erase: true))
        try fixture.engine.apply(Array(log.records.suffix(1)))
        row = try account(fixture)
        #expect(row.flags == [.admin, .deactivated, .erased])
        #expect(row.passwordHash == nil)
        #expect(try !hasToken(fixture, "B"))
        #expect(fixture.applied.all.last?.tokensRevoked.count == 1)
    }

    @Test func tokensOfADeviceComeAndGoTogether() throws {
        var log = LogScript()
        log.append(AccountRegistered(userID: alice, accountKind: "user"))
        log.append(
            DeviceRegistered(
                userID: alice, deviceID: "D", displayName: "phone", tokenHash: hash("B"), refreshHash: hash("C")))
        let fixture = try ViewFixture(log)
        func apply(_ fact: some LogEvent) throws {
            log.append(fact)
            try fixture.engine.apply(Array(log.records.suffix(1)))
        }
        try apply(
            TokensRefreshed(
                userID: alice, deviceID: "D", oldRefreshHash: hash("C"), tokenHash: hash("E"), refreshHash: hash("F")))
        #expect(try !hasToken(fixture, "B"))
        #expect(try hasToken(fixture, "E"))
        // A client that lost the answer may spend the same refresh token again.
        #expect(try refreshRow(fixture, "C")?.replacedBy == hashBytes("E"))
        #expect(try refreshRow(fixture, "F")?.replacedBy == nil)
        try apply(
            TokensRefreshed(
                userID: alice, deviceID: "D", oldRefreshHash: hash("F"), tokenHash: hash("G"), refreshHash: hash("H")))
        #expect(try refreshRow(fixture, "C") == nil)
        #expect(try refreshRow(fixture, "F")?.replacedBy == hashBytes("G"))
        try apply(DeviceRenamed(userID: alice, deviceID: "D", displayName: "tablet"))
        try apply(
            DevicesSeen(sightings: [["user_id": .string(alice), "device_id": "D", "ip": "1.2.3.4", "ts": 77]]))
        // The same device logs in again.
        try apply(DeviceRegistered(userID: alice, deviceID: "D", tokenHash: hash("I")))
        #expect(try !hasToken(fixture, "G"))
        #expect(try refreshRow(fixture, "H") == nil)
        try fixture.read { transaction, tables in
            let user = try #require(try transaction.user(tables, alice))
            let value = try #require(try transaction.get(tables.accountsDevices, ViewKeys.device(user, "D")))
            let device = try DeviceRow(reading: value)
            #expect(device.displayName == "tablet")
            #expect(device.createdMs == 1_700_000_000_001)
            #expect(device.tokenHashes == [hashBytes("I")])
        }
        try apply(DevicesRemoved(userID: alice, deviceIDs: ["D", "unknown"]))
        #expect(try !hasToken(fixture, "I"))
        try fixture.read { transaction, tables in
            try #expect(transaction.count(tables.accountsDevices) == 0)
            try #expect(transaction.count(tables.accountsTokens) == 0)
            try #expect(transaction.count(tables.accountsRefreshTokens) == 0)
        }
    }

    @Test func accountDataKeepsOneChangeForEachEntry() throws {
        var log = LogScript()
        log.append(AccountDataSet(userID: alice, type: "m.direct", content: ["a": 1]))
        log.append(AccountDataSet(userID: alice, roomID: room, type: "m.tag", content: ["b": 1]))
        log.append(AccountDataSet(userID: alice, type: "m.direct", content: ["a": 2]))
        log.append(FilterCreated(userID: alice, filterID: "0", definition: ["room": [:]]))
        log.append(ProfileFieldSet(userID: alice, field: "displayname", value: "A"))
        log.append(ProfileFieldSet(userID: alice, field: "avatar_url", value: "mxc://a/b"))
        log.append(ProfileFieldSet(userID: alice, field: "displayname"))
        let fixture = try ViewFixture(log)
        try fixture.read { transaction, tables in
            let user = try #require(try transaction.user(tables, alice))
            var changes: [AccountDataChangeRow] = []
            try transaction.forEach(tables.accountDataChanges, prefix: ViewKeys.user(user)) { key, value in
                changes.append(try AccountDataChangeRow(key: key, value: value))
                return true
            }
            #expect(changes.map(\.position.rawValue) == [2, 3])
            #expect(changes.map(\.type) == ["m.tag", "m.direct"])
            let key = ViewKeys.accountData(user, .none, "m.direct")
            let row = try AccountDataRow(reading: try #require(try transaction.get(tables.accountDataRows, key)))
            #expect(String(decoding: row.contentJSON, as: UTF8.self) == #"{"a":2}"#)
            let filter = try transaction.getBytes(tables.filtersRows, ViewKeys.filter(user, "0"))
            #expect(filter == Array(#"{"room":{}}"#.utf8))
            let profile = try transaction.getBytes(tables.profilesFields, ViewKeys.user(user))
            #expect(profile == Array(#"{"avatar_url":"mxc://a/b"}"#.utf8))
        }
    }

    @Test func aReceiptReplacesTheOneBefore() throws {
        var log = LogScript()
        log.room(room, by: alice)
        let first = log.message("1", in: room, by: alice)
        let second = log.message("2", in: room, by: alice)
        func receipt(_ eventID: String, _ type: String = "m.read", thread: String? = nil) -> ReceiptRecorded {
            ReceiptRecorded(
                userID: alice, roomID: room, receiptType: type, eventID: eventID, threadID: thread, timestampMs: 5)
        }
        log.append(receipt(first))
        log.append(receipt(first, thread: "main"))
        log.append(receipt(first, "m.read.private"))
        log.append(receipt(second))
        log.append(receipt("$unknown", thread: "main"))
        let fixture = try ViewFixture(log, inBatchesOf: 100)
        try fixture.read { transaction, tables in
            let number = try #require(try transaction.room(tables, room))
            let user = try #require(try transaction.user(tables, alice))
            try #expect(transaction.count(tables.receiptsRows) == 3)
            var changes: [UInt64] = []
            try transaction.forEach(tables.receiptsChanges, prefix: ViewKeys.room(number)) { key, value in
                let suffix = try ReceiptSuffix(reading: value)
                let row = try #require(try transaction.get(tables.receiptsRows, ViewKeys.receipt(number, suffix)))
                changes.append(try ReceiptRow(reading: row).position.rawValue)
                return true
            }
            #expect(changes == [9, 10, 11])
            let suffix = ReceiptSuffix(user: user, kind: .read, threadHash: 0)
            let value = try #require(try transaction.get(tables.receiptsRows, ViewKeys.receipt(number, suffix)))
            let row = try ReceiptRow(reading: value)
            #expect(row.eventID == second)
            #expect(row.eventPosition == LogPosition(rawValue: 6))
            let threaded = ReceiptSuffix(user: user, kind: .read, threadHash: ViewKeys.threadHash("main"))
            let other = try #require(try transaction.get(tables.receiptsRows, ViewKeys.receipt(number, threaded)))
            #expect(try ReceiptRow(reading: other).eventPosition == LogPosition(rawValue: 0))
        }
    }

    @Test func aliasesMoveAndRoomsAreListed() throws {
        var log = LogScript()
        log.room(room, by: alice)
        log.room("!s:a", by: alice)
        log.append(AliasCreated(alias: "#x:a", roomID: room, creator: alice))
        log.append(AliasCreated(alias: "#y:a", roomID: room, creator: alice))
        log.append(AliasCreated(alias: "#x:a", roomID: "!s:a", creator: alice))
        log.append(AliasRemoved(alias: "#y:a"))
        log.append(DirectoryVisibilitySet(roomID: room, isPublic: true))
        log.append(DirectoryVisibilitySet(roomID: "!s:a", isPublic: true))
        log.append(DirectoryVisibilitySet(roomID: room, isPublic: false))
        let fixture = try ViewFixture(log)
        try fixture.read { transaction, tables in
            let second = try #require(try transaction.room(tables, "!s:a"))
            let value = try #require(try transaction.get(tables.directoryAliases, ViewKeys.text("#x:a")))
            #expect(try AliasRow(reading: value) == AliasRow(room: second, creator: alice))
            try #expect(transaction.count(tables.directoryAliases) == 1)
            try #expect(transaction.count(tables.directoryByRoom) == 1)
            try #expect(transaction.contains(tables.directoryByRoom, ViewKeys.aliasOfRoom(second, "#x:a")))
            try #expect(transaction.count(tables.directoryPublished) == 1)
        }
    }
}
