import CanonicalJSON
import EventLog
import LogEvents
import TestSupport
import Testing

@Suite("Payloads of facts") struct PayloadTests {
    private let pdu = PDURecorded(
        verdict: .rejected, roomVersion: "12", roomID: "!r", eventID: "$e", rule: "10.4", reason: "no",
        setsOwnEntry: true,
        isOutlier: true, sentBy: PDURecorded.ClientTransaction(deviceID: "D", transactionID: "t"), redacts: "$x",
        stateDelta: [
            PDURecorded.StateChange(type: "m.room.name", stateKey: "", eventID: "$n"),
            PDURecorded.StateChange(type: "m.room.topic", stateKey: "", eventID: nil),
        ], pdu: Array(#"{"a":1}"#.utf8))

    @Test func aPDUSurvives() throws {
        #expect(try PDURecorded(payload: pdu.payload()) == pdu)
    }

    @Test(arguments: [PDURecorded.StateBefore.Origin.empty, .after, .before])
    func theStateBeforeSurvivesInFormat2(origin: PDURecorded.StateBefore.Origin) throws {
        #expect(pdu.payload().first == 1)
        var forked = pdu
        forked.stateBefore = PDURecorded.StateBefore(
            origin: origin, eventID: origin == .empty ? "" : "$p",
            delta: [
                PDURecorded.StateChange(type: "m.room.member", stateKey: "@a:b", eventID: "$m"),
                PDURecorded.StateChange(type: "m.room.topic", stateKey: "", eventID: nil),
            ])
        #expect(forked.payload().first == 2)
        #expect(try PDURecorded(payload: forked.payload()) == forked)
    }

    @Test(arguments: [(true, false), (false, true)])
    func adoptionsAndThePastAreFormat3(adopts: Bool, isBackfilled: Bool) throws {
        var fact = pdu
        fact.adopts = adopts
        fact.isBackfilled = isBackfilled
        #expect(fact.payload().first == 3)
        #expect(try PDURecorded(payload: fact.payload()) == fact)
        fact.stateBefore = PDURecorded.StateBefore(origin: .itself, eventID: "", delta: pdu.stateDelta)
        #expect(try PDURecorded(payload: fact.payload()) == fact)
        // The flags of this format mean nothing in those before it, nor does the origin.
        var older = fact.payload()
        older[0] = 2
        #expect(throws: PayloadError.self) { try PDURecorded(payload: older) }
        fact.stateBefore = nil
        older = fact.payload()
        older[0] = 1
        let read = try PDURecorded(payload: older)
        #expect(!read.adopts && !read.isBackfilled)
    }

    @Test func everyOtherFactSurvives() throws {
        let token = DeviceRegistered(
            userID: "@a:b", deviceID: "D", tokenHash: "h", tokenExpiresAtMs: 5, refreshHash: "r", ip: "127.0.0.1")
        #expect(try DeviceRegistered(payload: token.payload()) == token)
        let data = AccountDataSet(userID: "@a:b", roomID: "!r", type: "m.tag", content: ["x": [1, 2.5, .null]])
        #expect(try AccountDataSet(payload: data.payload()) == data)
        let flags = AccountFlagsChanged(userID: "@a:b", isAdmin: false, isLocked: nil, isSuspended: true)
        #expect(try AccountFlagsChanged(payload: flags.payload()) == flags)
        let removed = DevicesRemoved(userID: "@a:b", deviceIDs: ["A", "B"])
        #expect(try DevicesRemoved(payload: removed.payload()) == removed)
    }

    @Test func factsOfMediaSurvive() throws {
        let uploaded = MediaUploaded(
            mediaID: "m", userID: "@a:b", source: .preview, blob: "00", bytes: 7, contentType: "image/png",
            fileName: "ä", needsAuthentication: true)
        #expect(try MediaUploaded(payload: uploaded.payload()) == uploaded)
        let created = MediaCreated(mediaID: "m", userID: "@a:b", unusedExpiresAtMs: 9)
        #expect(try MediaCreated(payload: created.payload()) == created)
        let removed = MediaRemoved(mediaIDs: ["m", "n"], reason: "r")
        #expect(try MediaRemoved(payload: removed.payload()) == removed)
        for flag in [true, false] {
            let quarantined = MediaQuarantined(mediaIDs: ["m"], isQuarantined: flag)
            #expect(try MediaQuarantined(payload: quarantined.payload()) == quarantined)
            let protected = MediaProtected(mediaIDs: ["m"], isProtected: flag)
            #expect(try MediaProtected(payload: protected.payload()) == protected)
        }
        let accessed = MediaAccessed(accesses: [.init(mediaID: "m", atMs: 3), .init(mediaID: "n", atMs: 4)])
        #expect(try MediaAccessed(payload: accessed.payload()) == accessed)
        #expect(throws: PayloadError.self) { try MediaUploaded(payload: Array(#"{"source":"other"}"#.utf8)) }
    }

    @Test func whatIsMissingIsNamed() {
        #expect(throws: PayloadError(kind: "AliasRemoved", reason: "lacks the string alias")) {
            try AliasRemoved(payload: Array("{}".utf8))
        }
    }

    /// A payload of damaged bytes is refused or read, never a trap.
    @Test func damagedPayloadsNeverTrap() {
        var random = SeededRandom(seed: 64)
        var forked = pdu
        forked.stateBefore = PDURecorded.StateBefore(origin: .after, eventID: "$p", delta: pdu.stateDelta)
        forked.isBackfilled = true
        let whole = forked.payload()
        for _ in 0..<20_000 {
            var bytes = whole
            bytes.removeLast(Int.random(in: 0...whole.count, using: &random))
            for _ in 0..<3 where !bytes.isEmpty {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = try? PDURecorded(payload: bytes)
            _ = try? AccountRegistered(payload: bytes)
        }
    }

    @Test func everyKindHasAName() {
        #expect(Set(recordKindNames.values).count == recordKindNames.count)
        #expect(recordKindNames[.pduRecorded] == "PDURecorded")
        #expect(recordKindNames.keys.allSatisfy { !$0.isSystem })
    }
}
