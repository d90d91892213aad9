import CanonicalJSON
import EventLog
import LogEvents
import TestSupport
import Testing

@Suite("Payloads of facts of the traffic with other servers") struct FederationPayloadTests {
    private static let facts: [any LogEvent] = [
        ToDeviceForwarded(
            server: "b", sender: "@a:b", type: "m.x", messageID: "m", messages: ["@c:d": ["*": ["n": 1]]]),
        ToDeviceReceived(
            origin: "b", messageID: "m", sender: "@a:b", type: "m.x",
            messages: [.init(userID: "@c:b", deviceIDs: ["E", "F"], content: Array(#"{"n":1.5}"#.utf8))]),
        RemoteDevicesLearned(
            userID: "@a:b", streamID: 9, devices: [.init(deviceID: "D", displayName: "n", keys: ["k": 1])],
            master: ["k": 1], selfSigning: nil),
        RelayPromised(eventID: "$e", origin: "b"),
        RemoteDeviceUpdated(userID: "@a:b", streamID: 9, isDeleted: true, device: .init(deviceID: "D")),
        RemoteDevicesOutdated(userID: "@a:b"),
        RemoteSigningKeysUpdated(userID: "@a:b", master: nil, selfSigning: ["k": 1]),
    ]

    @Test func eachSurvives() throws {
        #expect(Self.facts.count == FederationFact.kindNames.count)
        for fact in Self.facts {
            let kind = type(of: fact).kind
            #expect((410...419).contains(kind.rawValue) && recordKindNames[kind] != nil)
            let read = try type(of: fact).init(payload: fact.payload())
            #expect(read.payload() == fact.payload(), "\(kind)")
            #expect(try FederationFact(kind: kind, payload: fact.payload()) != nil)
        }
        #expect(try FederationFact(kind: .pduRecorded, payload: []) == nil)
    }

    @Test func damagedPayloadsNeverTrap() {
        var random = SeededRandom(seed: 410)
        for fact in Self.facts {
            let whole = fact.payload()
            for _ in 0..<1000 {
                var bytes = whole
                bytes.removeLast(random.below(whole.count))
                if !bytes.isEmpty { bytes[random.below(bytes.count)] = UInt8(truncatingIfNeeded: random.next()) }
                _ = try? FederationFact(kind: type(of: fact).kind, payload: bytes)
            }
        }
    }
}
