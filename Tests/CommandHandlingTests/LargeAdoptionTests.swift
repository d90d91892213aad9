import CanonicalJSON
import CommandHandling
import Decisions
import EventLog
import EventSigning
import Foundation
import InboundPDU
import LogEvents
import MatrixEvents
import MatrixIdentifiers
import ProjectionEngine
import Queries
import ReadModel
import RoomVersions
import Simulation
import Testing

/// A room with many members comes in one commit. `ENGRAM_LARGE_ROOM=100000` says what that costs.
@Suite("Large adopted rooms") struct LargeAdoptionTests {
    private struct Maker {
        let maker: EventMaker
        let key: SigningKey
        let roomID: RoomID
        var depth: Int64 = 0

        init() throws {
            roomID = try RoomID(parsing: "!large:one")
            maker = EventMaker(version: .v11, roomID: roomID)
            key = try SigningKey(seed: [UInt8](repeating: 9, count: 32), keyID: "ed25519:1")
        }

        mutating func event(_ draft: EventMaker.Draft, auth: [EventID]) throws -> ReceivedPDU {
            depth += 1
            let previous = try EventID(parsing: "$previous\(depth)")
            let place = EventMaker.Place(
                prevEvents: depth == 2 ? auth : auth.isEmpty ? [] : [previous], authEvents: auth, depth: depth,
                time: 1_700_000_000_000 + depth)
            let object = maker.object(draft, at: place, eventID: previous)
            let signed = try EventSigner.sign(
                draft: object, version: .v11, server: try ServerName(parsing: "one"), key: key)
            let pdu = try PDU(object: signed.object, version: .v11)
            return ReceivedPDU(held: HeldPDU(pdu: pdu, eventID: signed.eventID), version: .v11)
        }
    }

    private func member(_ user: String) -> EventMaker.Draft {
        EventMaker.Draft(
            "m.room.member", user, by: user, ["membership": "join", "displayname": .string("Name of \(user)")])
    }

    private static func memory(_ field: String) -> String {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix(field) } ?? ""
        return String(line.dropFirst(field.count + 1).drop { $0 == " " || $0 == "\t" })
    }

    @Test func manyMembersComeInOneCommit() async throws {
        let asked = ProcessInfo.processInfo.environment["ENGRAM_LARGE_ROOM"].flatMap { Int($0) }
        let count = asked ?? 1000
        var maker = try Maker()
        let create = try maker.event(
            EventMaker.Draft("m.room.create", "", by: "@a:one", ["room_version": "11"]), auth: [])
        let founder = try maker.event(member("@a:one"), auth: [create.eventID])
        let levels = try maker.event(
            EventMaker.Draft("m.room.power_levels", "", by: "@a:one", ["users": ["@a:one": 100]]),
            auth: [create.eventID, founder.eventID])
        let rules = try maker.event(
            EventMaker.Draft("m.room.join_rules", "", by: "@a:one", ["join_rule": "public"]),
            auth: [create.eventID, levels.eventID, founder.eventID])
        let auth = [create.eventID, levels.eventID, rules.eventID]
        var state = [create, founder, levels, rules]
        for number in 0..<count { state.append(try maker.event(member("@user\(number):one"), auth: auth)) }
        let join = try maker.event(member("@j:test"), auth: auth)
        let house = try HouseFixture()
        if asked != nil { print("prepared: \(Self.memory("VmRSS:")), peak \(Self.memory("VmHWM:"))") }
        let clock = ContinuousClock()
        let began = clock.now
        let recorded = try await house.rooms.adopt(
            RoomAdoption(join: join, state: state, authChain: []), room: maker.roomID, version: .v11,
            from: try ServerName(parsing: "one"), requestID: "join")
        let took = clock.now - began
        if asked != nil {
            print("adopted \(count) members in \(took): \(Self.memory("VmRSS:")), peak \(Self.memory("VmHWM:"))")
        }
        #expect(recorded == RoomCommands.Recorded(outlierCount: count + 4, droppedCount: 0))
        let rooms = RoomQueries(views: house.views)
        let head = try #require(try rooms.head(maker.roomID))
        #expect(head.joinedCount == UInt64(count + 2))
        #expect(head.eventCount == 1)
        #expect(try rooms.fullState(maker.roomID).count == count + 5)
        #expect(try rooms.fullState(maker.roomID, at: .before(join.eventID))?.count == count + 4)
        let position = try #require(try rooms.eventPosition(join.eventID))
        let fact = try PDURecorded(payload: try #require(try house.log.record(at: position)).payload)
        #expect(fact.stateDelta.count == count + 4)
        let caller = Caller(userID: try UserID(parsing: "@j:test"), deviceID: nil, requestID: "test")
        let before = clock.now
        _ = try await house.rooms.send(
            room: maker.roomID, type: "m.room.message", content: ["body": "x", "msgtype": "m.text"],
            transactionID: nil, caller: caller)
        if asked != nil { print("the next message took \(clock.now - before)") }
        let auditing = clock.now
        var audit = DecisionAudit(ownServer: nil, ownKey: nil)
        for record in try house.log.read(from: LogPosition(rawValue: 1), limit: count + 100) { try audit.check(record) }
        #expect(audit.differences.isEmpty)
        if asked != nil { print("audited in \(clock.now - auditing): peak \(Self.memory("VmHWM:"))") }
        let rebuilding = clock.now
        let live = try house.engine.digests()
        try house.engine.rebuild()
        #expect(try house.engine.digests() == live)
        if asked != nil { print("rebuilt in \(clock.now - rebuilding)") }
        try house.close()
    }
}
