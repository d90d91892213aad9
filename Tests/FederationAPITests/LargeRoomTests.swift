import CanonicalJSON
import CommandHandling
import EventLog
import EventSigning
import Foundation
import HTTPFront
import LogEvents
import MatrixEvents
import MatrixIdentifiers
import Queries
import ReadModel
import RoomVersions
import TestSupport
import Testing

/// Rooms of very many members. `ENGRAM_LARGE_ROOM=100000` measures one of that size and prints what it costs.
@Suite struct LargeRoomTests {
    private static let members = ProcessInfo.processInfo.environment["ENGRAM_LARGE_ROOM"].flatMap { Int($0) } ?? 1000

    /// Puts joins into the log as if they had been received, without checking each.
    private func fill(_ room: RoomID, _ count: Int, _ server: ResidentServer) async throws {
        let queries = RoomQueries(views: server.views)
        let stream = StreamID(kind: .room, name: room.rawValue)
        let auth = try ["m.room.create", "m.room.power_levels", "m.room.join_rules"].map { type in
            try #require(try queries.currentState(room, type: type, stateKey: "")).eventID.rawValue
        }
        let head = try #require(try queries.head(room))
        var previous = try #require(head.forwardExtremities.first)
        var depth = head.maxDepth
        var records: [NewRecord] = []
        for index in 0..<count {
            let user = "@member.\(index):s\(index % 97).example"
            depth += 1
            let object: JSONObject = [
                "auth_events": .array(auth.map { .string($0) }), "depth": .integer(depth),
                "content": ["membership": "join", "displayname": .string("Member \(index)")],
                "hashes": ["sha256": "dRu2wuTQHLSJcLfhvJvR7CmxHZxfW6Ef5zkoBWSXtrQ"], "origin_server_ts": 1,
                "prev_events": [.string(previous)], "room_id": .string(room.rawValue), "sender": .string(user),
                "signatures": ["s\(index % 97).example": ["ed25519:k1": .string(String(repeating: "s", count: 86))]],
                "state_key": .string(user), "type": "m.room.member",
            ]
            previous = try ReferenceHash.eventID(of: object, version: .v11).rawValue
            records.append(
                PDURecorded(
                    verdict: .accepted, roomVersion: "11", roomID: room.rawValue, eventID: previous,
                    setsOwnEntry: true, pdu: object.canonicalBytes()
                ).record(stream: stream, actor: user, cause: ""))
            if records.count == 1000 || index == count - 1 {
                _ = try await server.log.append(LogBatch(records: records))
                records = []
            }
        }
    }

    @Test func joinsAndStates() async throws {
        let server = try ResidentServer()
        let alice = try await server.user("alice")
        let room = try await server.room(of: alice, version: "11")
        try await fill(room, Self.members, server)
        let clock = ContinuousClock()
        func measured<R>(_ name: String, _ body: () async throws -> R) async rethrows -> R {
            let (before, start) = (Self.residentBytes, clock.now)
            let result = try await body()
            if Self.members > 1000 {
                let grown = (Self.residentBytes - before) >> 20
                print("\(name) with \(Self.members) members: \(clock.now - start), \(grown) MiB more")
            }
            return result
        }
        let made = try await server.call(.get, "/make_join/\(room)/@bob:there?ver=11")
        let event = try OtherServer("there").sign(made)
        let body = event.object.canonicalBytes()
        func sendJoin(_ query: String) async throws -> HTTPResponse {
            try await server.respond(
                .put, "/_matrix/federation/v2/send_join/\(room)/x", query: query, from: "there", body: body)
        }
        let joined = try await measured("send_join") { try await sendJoin("") }
        #expect(joined.status == 200)
        // In pieces of bounded size: nothing is copied to grow.
        #expect(joined.bodyLength > Self.members * 600)
        #expect((joined.moreChunks + [joined.body]).allSatisfy { $0.count <= 1 << 20 })
        let lean = try await measured("send_join without members") { try await sendJoin("omit_members=true") }
        let partial = try JSONValue.parse(lean.body + lean.moreChunks.joined())
        #expect(partial["servers_in_room"]?.arrayValue?.count == 98)
        // Five entries that are no members, and five heroes.
        #expect(partial["state"]?.arrayValue?.count == 10)
        let state = try await measured("state") {
            try await server.respond(
                .get, "/_matrix/federation/v1/state/\(room)", query: "event_id=\(event.eventID)", from: "there",
                body: [])
        }
        let ids = try await measured("state_ids") {
            try await server.respond(
                .get, "/_matrix/federation/v1/state_ids/\(room)", query: "event_id=\(event.eventID)", from: "there",
                body: [])
        }
        #expect(state.status == 200 && ids.status == 200)
        if Self.members <= 1000 {
            let given = try JSONValue.parse(ids.body + ids.moreChunks.joined())["pdu_ids"]?.arrayValue
            let whole = try JSONValue.parse(state.body + state.moreChunks.joined())["pdus"]?.arrayValue
            #expect(given?.count == Self.members + 6 && whole?.count == Self.members + 6)
        }
        _ = try await measured("make_join again") {
            try await server.call(.get, "/make_join/\(room)/@carol:there?ver=11")
        }
    }

    private static var residentBytes: Int {
        let fields = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ") ?? []
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * 4096 : 0
    }

    /// The count that is carried on from change to change is that of one who counts anew.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func theCensusIsCarriedOn(_ seed: UInt64) async throws {
        let server = try ResidentServer()
        let alice = try await server.user("alice")
        let room = try await server.room(of: alice, version: "11")
        let kept = ServerCensus(views: server.views)
        var random = SeededRandom(seed: seed)
        var joined: Set<String> = []
        for _ in 0..<25 {
            let user = "@u\(random.below(4)):s\(random.below(3))"
            if joined.contains(user) {
                try await server.leave(user, room)
                joined.remove(user)
            } else {
                try await server.join(user, to: room)
                joined.insert(user)
            }
            if random.below(3) == 0 { continue }
            let fresh = ServerCensus(views: server.views)
            #expect(try kept.joinedServers(of: room) == fresh.joinedServers(of: room))
            for name in ["here", "s0", "s1", "s2"] {
                let other = try ServerName(parsing: name)
                let users = try kept.joinedUsers(of: other, in: room)
                #expect(users == (try fresh.joinedUsers(of: other, in: room)))
                let expected = joined.filter { $0.hasSuffix(":\(name)") }.union(name == "here" ? ["@alice:here"] : [])
                #expect(Set(users.map(\.rawValue)) == expected)
                #expect(try kept.isJoined(other, to: room) == !expected.isEmpty)
            }
        }
    }
}
