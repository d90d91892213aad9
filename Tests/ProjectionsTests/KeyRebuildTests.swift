import CanonicalJSON
import EventLog
import KeyValueStore
import LogEvents
import ProjectionEngine
import Projections
import ReadModel
import TestSupport
import Testing

/// A script of everything that encryption records, in an order that the seed decides.
private func keyScript(seed: UInt64, steps: Int) -> LogScript {
    var random = SeededRandom(seed: seed)
    var log = LogScript()
    let users = ["@a:s", "@b:s", "@c:s"]
    let devices = ["ONE", "TWO"]
    let hash = String(repeating: "A", count: 43)
    for user in users { log.append(AccountRegistered(userID: user, accountKind: "user")) }
    log.room("!1:s", by: users[0])
    for step in 0..<steps {
        let user = users[random.below(users.count)]
        let device = devices[random.below(devices.count)]
        let other = users[random.below(users.count)]
        let ofDevice = StreamID(kind: .device, name: user + "/" + device)
        let number = JSONValue.integer(Int64(step))
        switch random.below(18) {
        case 0: log.append(DeviceRegistered(userID: user, deviceID: device, displayName: "n\(step)", tokenHash: hash))
        case 1: log.append(DeviceRenamed(userID: user, deviceID: device, displayName: step % 2 == 0 ? nil : "m\(step)"))
        case 2 where random.oneIn(3): log.append(DevicesRemoved(userID: user, deviceIDs: [device]))
        case 3, 4, 5:
            log.append(
                DeviceKeysUploaded(
                    userID: user, deviceID: device,
                    deviceKeys: random.oneIn(2)
                        ? ["keys": ["k": .integer(Int64(step % 3))], "user_id": .string(user)] : nil,
                    oneTimeKeys: ["alg:\(step % 20)": ["key": number], "other:\(step)": "x"],
                    fallbackKeys: random.oneIn(2) ? ["alg:f\(step)": ["key": number]] : [:]), stream: ofDevice)
        case 6, 7:
            log.append(
                OneTimeKeyClaimed(userID: user, deviceID: device, keyName: "alg:\(random.below(20))"), stream: ofDevice)
        case 8:
            log.append(FallbackKeyUsed(userID: user, deviceID: device, keyName: "alg:f\(step - 1)"), stream: ofDevice)
        case 9:
            log.append(
                CrossSigningKeysSet(
                    userID: user, master: random.oneIn(2) ? ["keys": ["m": .integer(Int64(step % 2))]] : nil,
                    selfSigning: random.oneIn(2) ? ["keys": ["s": number]] : nil, userSigning: ["keys": ["u": number]]))
        case 10:
            log.append(
                KeySignaturesAdded(
                    signer: user, target: other, deviceID: random.oneIn(2) ? device : nil,
                    signed: ["keys": ["m": .integer(Int64(step % 2))]], signatures: ["ed25519:\(step)": "s"]))
        case 11, 12:
            log.append(
                ToDeviceSent(
                    sender: user, senderDevice: device, transactionID: "t\(step / 2)", type: "m.x",
                    messages: [.init(userID: other, deviceIDs: devices, content: Array("{\"n\":\(step)}".utf8))]))
        case 13:
            log.append(ToDeviceAcknowledged(userID: user, deviceID: device, upTo: LogPosition(rawValue: UInt64(step))))
        case 14, 15, 16: appendBackup(step, user, &random, to: &log)
        case 17 where random.oneIn(8):
            log.append(NewRecord(kind: .epochOpened, stream: .none, payload: []))
        default: log.member(user, in: "!1:s", random.oneIn(2) ? "join" : "leave")
        }
    }
    return log
}

private func appendBackup(_ step: Int, _ user: String, _ random: inout SeededRandom, to log: inout LogScript) {
    let ofBackup = StreamID(kind: .user, name: user + "/backup")
    let version = UInt64(random.below(step + 1))
    switch random.below(5) {
    case 0:
        log.append(
            BackupVersionCreated(userID: user, version: UInt64(step), algorithm: "m", authData: [:]), stream: ofBackup)
    case 1: log.append(BackupVersionDeleted(userID: user, version: version), stream: ofBackup)
    case 2:
        log.append(
            BackupKeysRemoved(userID: user, version: version, roomID: "!\(step % 3)", sessionID: nil),
            stream: ofBackup)
    default:
        log.append(
            BackupKeysStored(
                userID: user, version: version,
                rooms: ["!\(step % 3)": ["s\(step % 4)": ["n": .integer(Int64(step))]]]), stream: ofBackup)
    }
}

@Suite struct KeyRebuildTests {
    @Test(arguments: 1...8 as ClosedRange<UInt64>) func liveTablesEqualRebuiltOnes(seed: UInt64) throws {
        let log = keyScript(seed: seed, steps: 400)
        let live = try ViewFixture(log, inBatchesOf: 1)
        let digests = try live.engine.digests()
        let batched = try ViewFixture(log, inBatchesOf: 37)
        #expect(try batched.engine.digests() == digests)
        let replayed = try ViewFixture()
        replayed.script.replace(log.records)
        try replayed.engine.catchUp()
        #expect(try replayed.engine.digests() == digests)
        try live.engine.rebuild()
        #expect(try live.engine.digests() == digests)
    }

    /// What the counts say is what is there, and nothing that was claimed is.
    @Test(arguments: 11...16 as ClosedRange<UInt64>) func countsEqualARecount(seed: UInt64) throws {
        let live = try ViewFixture(keyScript(seed: seed, steps: 500))
        try live.read { transaction, tables in
            var counted: [[UInt8]: UInt32] = [:]
            try transaction.forEach(tables.keysOneTime) { key, _ in
                counted[Array(key.prefix(12)), default: 0] += 1
                return true
            }
            var said: [[UInt8]: UInt32] = [:]
            try transaction.forEach(tables.keysStocks) { key, value in
                let sum = try KeyStockRow(reading: value).counts.reduce(0) { $0 + $1.number }
                if sum > 0 { said[Array(key)] = sum }
                return true
            }
            #expect(said == counted)
            #expect(try transaction.count(tables.keysOneTime) == transaction.count(tables.keysOneTimeByID))
            #expect(try transaction.count(tables.keysLists) == transaction.count(tables.keysListChanges))
            try transaction.forEach(tables.backupVersions) { key, value in
                let row = try BackupVersionRow(reading: value)
                var keys: UInt64 = 0
                try transaction.forEach(tables.backupKeys, prefix: Array(key)) { _, _ in
                    keys += 1
                    return true
                }
                #expect(row.count == keys)
                return true
            }
        }
    }
}
