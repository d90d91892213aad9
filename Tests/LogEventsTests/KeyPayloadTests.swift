import CanonicalJSON
import EventLog
import LogEvents
import TestSupport
import Testing

@Suite("Payloads of facts of encryption") struct KeyPayloadTests {
    private static let facts: [any LogEvent] = [
        DeviceKeysUploaded(
            userID: "@a:b", deviceID: "D", deviceKeys: ["keys": [:]], oneTimeKeys: ["a:1": "x"],
            fallbackKeys: ["a:2": ["key": "y"]]),
        OneTimeKeyClaimed(userID: "@a:b", deviceID: "D", keyName: "a:1"),
        FallbackKeyUsed(userID: "@a:b", deviceID: "D", keyName: "a:2"),
        ToDeviceSent(
            sender: "@a:b", senderDevice: "D", transactionID: "t", type: "m.x",
            messages: [.init(userID: "@c:b", deviceIDs: ["E", "F"], content: Array(#"{"n":1.5}"#.utf8))]),
        ToDeviceAcknowledged(userID: "@a:b", deviceID: "D", upTo: LogPosition(rawValue: 9)),
        CrossSigningKeysSet(userID: "@a:b", master: ["k": 1], selfSigning: nil, userSigning: ["k": 2]),
        KeySignaturesAdded(
            signer: "@a:b", target: "@c:b", deviceID: nil, signed: ["k": 1], signatures: ["ed25519:x": "s"]),
        BackupVersionCreated(userID: "@a:b", version: 1, algorithm: "m", authData: ["p": "k"]),
        BackupVersionChanged(userID: "@a:b", version: 1, authData: [:]),
        BackupVersionDeleted(userID: "@a:b", version: 1),
        BackupKeysStored(userID: "@a:b", version: 1, rooms: ["!r": ["s": [:]]]),
        BackupKeysRemoved(userID: "@a:b", version: 1, roomID: "!r", sessionID: nil),
        DehydratedDeviceSet(userID: "@a:b", deviceID: "D", displayName: "n", deviceData: ["a": "x"]),
        DehydratedDeviceRemoved(userID: "@a:b", deviceID: "D"),
    ]

    @Test func eachSurvives() throws {
        #expect(Self.facts.count == KeyFact.kindNames.count)
        for fact in Self.facts {
            let kind = type(of: fact).kind
            #expect((200...229).contains(kind.rawValue) && recordKindNames[kind] != nil)
            let read = try type(of: fact).init(payload: fact.payload())
            #expect(read.payload() == fact.payload(), "\(kind)")
            let known = try KeyFact(kind: kind, payload: fact.payload())
            #expect(known?.users.first == "@a:b")
        }
        let other = try KeyFact(kind: .pduRecorded, payload: [])
        #expect(other == nil)
    }

    @Test func damagedPayloadsNeverTrap() {
        var random = SeededRandom(seed: 200)
        for fact in Self.facts {
            let whole = fact.payload()
            for _ in 0..<1000 {
                var bytes = whole
                bytes.removeLast(random.below(whole.count))
                if !bytes.isEmpty { bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next()) }
                _ = try? KeyFact(kind: type(of: fact).kind, payload: bytes)
            }
        }
    }
}
