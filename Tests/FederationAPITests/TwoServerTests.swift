import CanonicalJSON
import CommandHandling
import Decisions
import EventLog
import EventSigning
import FederationCommands
import HTTPFront
import LogEvents
import MatrixIdentifiers
import Queries
import ReadModel
import RoomVersions
import Synchronization
import Testing

/// Two whole servers that ask each other.
@Suite struct TwoServerTests {
    /// Two servers, each with a user.
    private struct Pair {
        let near: ResidentServer
        let far: ResidentServer
        let ann: Caller
        let bob: Caller

        init() async throws {
            let near = try ResidentServer("near", keepsInvitations: false)
            let far = try ResidentServer("far", keepsInvitations: false)
            near.wire.servers.withLock { $0[far.name] = (far, "near") }
            far.wire.servers.withLock { $0[near.name] = (near, "far") }
            self.near = near
            self.far = far
            ann = try await near.user("ann")
            bob = try await far.user("bob")
        }

        /// A room of ann that bob has joined through her server.
        func sharedRoom(version: String = "12") async throws -> RoomID {
            let room = try await near.room(of: ann, version: version)
            try await far.remote.membership.join(room: room, via: [near.name], extra: [:], caller: bob)
            return room
        }
    }

    private func state(_ server: ResidentServer, _ room: RoomID) throws -> Set<String> {
        Set(try RoomQueries(views: server.views).fullState(room).map(\.eventID.rawValue))
    }

    private func membership(_ server: ResidentServer, _ room: RoomID, _ user: UserID) throws -> StoredMembership? {
        try RoomQueries(views: server.views).membership(room, user)?.membership
    }

    private func pdu(_ eventID: EventID, on server: ResidentServer) throws -> JSONValue {
        let position = try #require(try RoomQueries(views: server.views).eventPosition(eventID))
        let record = try #require(try server.log.record(at: position))
        return try JSONValue.parse(try PDURecorded(payload: record.payload).pdu, limits: .historicalPDU)
    }

    /// Sends events as a transaction; answers what was said of each.
    private func deliver(
        _ events: [EventID], from sender: ResidentServer, to receiver: ResidentServer, id: String = "t"
    ) async throws -> JSONObject {
        let pdus = try events.map { try pdu($0, on: sender) }
        let answer = try await receiver.call(
            .put, "/send/\(id)",
            ["origin": .string(sender.name.rawValue), "origin_server_ts": 1, "pdus": .array(pdus)],
            from: sender.name.rawValue)
        try #require(answer.status == 200, "\(answer.json)")
        return try #require(answer["pdus"]?.objectValue)
    }

    private func knows(_ server: ResidentServer, _ eventID: EventID) throws -> Bool {
        try RoomQueries(views: server.views).eventPosition(eventID) != nil
    }

    // MARK: Joining

    @Test(arguments: RoomVersion.all.map(\.id)) func joining(version: String) async throws {
        let pair = try await Pair()
        let room = try await pair.sharedRoom(version: version)
        #expect(try membership(pair.far, room, pair.bob.userID) == .join)
        #expect(try membership(pair.near, room, pair.bob.userID) == .join)
        #expect(try state(pair.far, room) == state(pair.near, room))
        let said = try await pair.near.say("hello", in: room, pair.ann)
        #expect(try await deliver([said], from: pair.near, to: pair.far) == [said.rawValue: [:]])
        let answered = try await pair.far.say("hello back", in: room, pair.bob)
        #expect(try await deliver([answered], from: pair.far, to: pair.near) == [answered.rawValue: [:]])
        #expect(try knows(pair.far, said) && knows(pair.near, answered))
        #expect(try state(pair.far, room) == state(pair.near, room))
    }

    @Test func aRoomNobodyKnowsIsNotFound() async throws {
        let pair = try await Pair()
        let room = try RoomID(parsing: "!nowhere:near")
        await #expect(throws: Rejection.self) {
            try await pair.far.remote.membership.join(room: room, via: [pair.near.name], extra: [:], caller: pair.bob)
        }
        #expect(try RoomQueries(views: pair.far.views).head(room) == nil)
    }

    @Test func whoMayNotJoinIsToldSo() async throws {
        let pair = try await Pair()
        let room = try await pair.near.room(of: pair.ann, rule: "invite")
        let refusal = await #expect(throws: Rejection.self) {
            try await pair.far.remote.membership.join(room: room, via: [pair.near.name], extra: [:], caller: pair.bob)
        }
        #expect(refusal?.status == 403)
        #expect(try RoomQueries(views: pair.far.views).head(room) == nil)
    }

    @Test func leavingAndComingBack() async throws {
        let pair = try await Pair()
        let room = try await pair.sharedRoom()
        try await pair.far.rooms.leave(room: room, extra: [:], caller: pair.bob)
        let left = try #require(try RoomQueries(views: pair.far.views).head(room)?.forwardExtremities.first)
        _ = try await deliver([try EventID(parsing: left)], from: pair.far, to: pair.near)
        #expect(try membership(pair.near, room, pair.bob.userID) == .leave)
        try await pair.near.set("m.room.topic", "", ["topic": "meanwhile"], in: room, pair.ann)
        try await pair.far.remote.membership.join(room: room, via: [], extra: [:], caller: pair.bob)
        #expect(try membership(pair.far, room, pair.bob.userID) == .join)
        #expect(try state(pair.far, room) == state(pair.near, room))
    }

    // MARK: Transactions

    @Test func aRepeatedTransactionGetsTheSameAnswer() async throws {
        let pair = try await Pair()
        let room = try await pair.sharedRoom()
        let said = try await pair.near.say("once", in: room, pair.ann)
        let first = try await deliver([said], from: pair.near, to: pair.far)
        let head = pair.far.log.durableHead
        #expect(try await deliver([said], from: pair.near, to: pair.far) == first)
        #expect(try await deliver([said], from: pair.near, to: pair.far, id: "another") == first)
        #expect(pair.far.log.durableHead == head)
    }

    @Test(arguments: ["1", "6", "11", "12"]) func missingEventsAreFetched(version: String) async throws {
        let pair = try await Pair()
        let room = try await pair.sharedRoom(version: version)
        var events: [EventID] = []
        for number in 0..<45 { events.append(try await pair.near.say("\(number)", in: room, pair.ann)) }
        let last = try #require(events.last)
        #expect(try await deliver([last], from: pair.near, to: pair.far) == [last.rawValue: [:]])
        for event in events { #expect(try knows(pair.far, event)) }
        #expect(try RoomQueries(views: pair.far.views).head(room)?.forwardExtremities == [last.rawValue])
    }

    @Test(arguments: ["1", "11", "12"]) func afterALongAbsenceTheStateIsTaken(version: String) async throws {
        let pair = try await Pair()
        let room = try await pair.sharedRoom(version: version)
        try await pair.near.set("m.room.topic", "", ["topic": "new"], in: room, pair.ann)
        for number in 0..<260 { _ = try await pair.near.say("\(number)", in: room, pair.ann) }
        try await pair.near.set("m.room.name", "", ["name": "newer"], in: room, pair.ann)
        let last = try await pair.near.say("last", in: room, pair.ann)
        #expect(try await deliver([last], from: pair.near, to: pair.far) == [last.rawValue: [:]])
        #expect(try knows(pair.far, last))
        #expect(try state(pair.far, room) == state(pair.near, room))
        let answered = try await pair.far.say("read it", in: room, pair.bob)
        #expect(try await deliver([answered], from: pair.far, to: pair.near) == [answered.rawValue: [:]])
    }

    @Test func forksOfBothSidesMeet() async throws {
        let pair = try await Pair()
        let room = try await pair.sharedRoom()
        try await pair.near.set("m.room.topic", "", ["topic": "near"], in: room, pair.ann)
        let near = try await pair.near.say("near", in: room, pair.ann)
        let far = try await pair.far.say("far", in: room, pair.bob)
        _ = try await deliver([near], from: pair.near, to: pair.far)
        _ = try await deliver([far], from: pair.far, to: pair.near)
        #expect(try state(pair.far, room) == state(pair.near, room))
        let extremities = try RoomQueries(views: pair.far.views).head(room)?.forwardExtremities ?? []
        #expect(Set(extremities) == [near.rawValue, far.rawValue])
    }

    @Test func aBadEventDoesNotHoldUpItsNeighbours() async throws {
        let pair = try await Pair()
        let room = try await pair.sharedRoom()
        let said = try await pair.near.say("good", in: room, pair.ann)
        var forged = try #require(try pdu(said, on: pair.near).objectValue)
        forged["depth"] = 77
        let answer = try await pair.far.call(
            .put, "/send/mixed",
            ["pdus": .array([.object(forged), 7, ["room_id": "!x:y"], try pdu(said, on: pair.near)])], from: "near")
        let results = try #require(answer["pdus"]?.objectValue)
        #expect(results[said.rawValue] == [:])
        let isRefused = results.contains { $0.value["error"]?.stringValue != nil }
        #expect(results.count == 2 && isRefused, "\(results)")
    }

    @Test func deniedServersAreRefusedEventByEvent() async throws {
        let pair = try await Pair()
        let room = try await pair.sharedRoom()
        let said = try await pair.far.say("too late", in: room, pair.bob)
        try await pair.near.set("m.room.server_acl", "", ["allow": ["*"], "deny": ["far"]], in: room, pair.ann)
        let results = try await deliver([said], from: pair.far, to: pair.near)
        #expect(results[said.rawValue]?["error"]?.stringValue?.contains("access control") == true, "\(results)")
        #expect(try !knows(pair.near, said))
        let typing: JSONValue = [
            "edu_type": "m.typing",
            "content": ["room_id": .string(room.rawValue), "user_id": "@bob:far", "typing": true],
        ]
        _ = try await pair.near.call(.put, "/send/edus", ["pdus": [], "edus": [typing]], from: "far")
        #expect(pair.near.edus.taken.withLock { $0.isEmpty })
        _ = try await pair.near.call(.put, "/send/more", ["pdus": [], "edus": [typing]], from: "third")
        #expect(pair.near.edus.taken.withLock { $0.count } == 1)
    }

    @Test func whatIsNoTransactionIsRefused() async throws {
        let pair = try await Pair()
        let many = JSONValue.array([JSONValue](repeating: [:], count: 51))
        for body: JSONValue in [
            ["pdus": 1], ["pdus": [], "edus": "x"], ["pdus": many], ["pdus": [], "origin": "else"],
        ] {
            let answer = try await pair.far.call(.put, "/send/bad", body, from: "near")
            #expect((400..<500).contains(answer.status), "\(body) \(answer.json)")
        }
        #expect(try await pair.far.call(.put, "/send/bad", ["pdus": []], from: nil).status == 401)
    }

    @Test(arguments: ["1", "11", "12"]) func thePastIsFetchedBackToItsBeginning(version: String) async throws {
        let pair = try await Pair()
        let room = try await pair.near.room(of: pair.ann, version: version)
        var said: [EventID] = []
        for number in 0..<230 {
            said.append(try await pair.near.say("\(number)", in: room, pair.ann))
            if number == 120 { try await pair.near.set("m.room.topic", "", ["topic": "half"], in: room, pair.ann) }
        }
        try await pair.far.remote.membership.join(room: room, via: [pair.near.name], extra: [:], caller: pair.bob)
        let timeline = TimelineQueries(views: pair.far.views)
        let asker = try asker(pair.bob, on: pair.far)
        var rounds = 0
        var isAtBeginning = false
        while rounds < 20, !isAtBeginning {
            rounds += 1
            let missing = try timeline.missing(
                room: room, from: nil, to: nil, pageLimit: 1000, limit: 10, by: asker
            ).map(\.missing)
            if missing.isEmpty {
                isAtBeginning = true
            } else {
                #expect(try await pair.far.remote.history.fetch(missing, in: room, requestID: "t"))
            }
        }
        #expect(isAtBeginning && rounds <= 5, "\(rounds)")
        let body = try timeline.messages(
            room: room, from: nil, to: nil, backwards: true, limit: 1000, filter: EventFilter(), by: asker)
        let events = try JSONValue.parse(body)["chunk"]?.arrayValue?.compactMap { $0["event_id"]?.stringValue } ?? []
        #expect(Set(events).count == events.count)
        #expect(events.filter(Set(said.map(\.rawValue)).contains) == said.reversed().map(\.rawValue))
        #expect(try JSONValue.parse(body)["chunk"]?.arrayValue?.last?["type"] == "m.room.create")
        #expect(try state(pair.far, room) == state(pair.near, room))
    }

    private func asker(_ caller: Caller, on server: ResidentServer) throws -> Asker {
        let number = try server.views.read { transaction, tables in
            try #require(try transaction.user(tables, caller.userID.rawValue))
        }
        return Asker(
            Identity(userID: caller.userID, userNum: number, deviceID: caller.deviceID), nowMs: 0, epoch: 1)
    }

    // MARK: Invitations and knocks

    @Test(arguments: ["6", "11", "12"]) func invitationsAreTurnedDownOrTaken(version: String) async throws {
        let pair = try await Pair()
        let room = try await pair.near.room(of: pair.ann, version: version, rule: "invite")
        func invite() async throws {
            let (version, content) = try pair.near.rooms.remoteInvitation(of: pair.bob.userID, to: room, extra: [:])
            try await pair.near.remote.invitations.invite(
                pair.bob.userID, by: pair.ann.userID, to: room, version: version, content: content, requestID: "t")
        }
        try await invite()
        let outside = OutsideQueries(views: pair.far.views)
        #expect(try outside.membership(of: pair.bob.userID, in: room)?.membership == .invite)
        #expect(try membership(pair.near, room, pair.bob.userID) == .invite)
        try await pair.far.remote.membership.leave(room: room, reason: "no", caller: pair.bob)
        #expect(try outside.membership(of: pair.bob.userID, in: room)?.membership == .leave)
        #expect(try membership(pair.near, room, pair.bob.userID) == .leave)
        try await invite()
        #expect(try pair.far.remote.membership.isOutside(pair.bob.userID, room))
        // The server that invited is known without `via`.
        try await pair.far.remote.membership.join(room: room, via: [], extra: [:], caller: pair.bob)
        #expect(try membership(pair.far, room, pair.bob.userID) == .join)
        #expect(try !pair.far.remote.membership.isOutside(pair.bob.userID, room))
        #expect(try state(pair.far, room) == state(pair.near, room))
    }

    @Test func anInvitationIsTakenBack() async throws {
        let pair = try await Pair()
        let room = try await pair.near.room(of: pair.ann, rule: "invite")
        let (version, content) = try pair.near.rooms.remoteInvitation(of: pair.bob.userID, to: room, extra: [:])
        try await pair.near.remote.invitations.invite(
            pair.bob.userID, by: pair.ann.userID, to: room, version: version, content: content, requestID: "t")
        try await pair.near.rooms.kick(room: room, user: pair.bob.userID, reason: nil, caller: pair.ann)
        let kick = try #require(try RoomQueries(views: pair.near.views).head(room)?.forwardExtremities.first)
        let eventID = try EventID(parsing: kick)
        // A third server may not say it for ann's.
        let forged = try await pair.far.call(
            .put, "/send/forged", ["pdus": [try pdu(eventID, on: pair.near)]], from: "third")
        #expect(forged["pdus"]?[kick]?["error"]?.stringValue != nil)
        #expect(try await deliver([eventID], from: pair.near, to: pair.far) == [kick: [:]])
        #expect(
            try OutsideQueries(views: pair.far.views).membership(of: pair.bob.userID, in: room)?.membership == .leave)
    }

    @Test func knocking() async throws {
        let pair = try await Pair()
        let room = try await pair.near.room(of: pair.ann, rule: "knock")
        try await pair.far.remote.membership.knock(
            room: room, via: [pair.near.name], reason: "please", caller: pair.bob)
        #expect(try membership(pair.near, room, pair.bob.userID) == .knock)
        let known = try OutsideQueries(views: pair.far.views).membership(of: pair.bob.userID, in: room)
        #expect(known?.membership == .knock)
        #expect(known?.row.roomStateJSON.isEmpty == false)
        try await pair.far.remote.membership.leave(room: room, reason: nil, caller: pair.bob)
        #expect(try membership(pair.near, room, pair.bob.userID) == .leave)
    }

    @Test func anInvitationOfAServerThatIsGoneCanBeTurnedDown() async throws {
        let pair = try await Pair()
        let room = try await pair.near.room(of: pair.ann, rule: "invite")
        let (version, content) = try pair.near.rooms.remoteInvitation(of: pair.bob.userID, to: room, extra: [:])
        try await pair.near.remote.invitations.invite(
            pair.bob.userID, by: pair.ann.userID, to: room, version: version, content: content, requestID: "t")
        pair.far.wire.servers.withLock { $0.removeAll() }
        try await pair.far.remote.membership.leave(room: room, reason: nil, caller: pair.bob)
        #expect(
            try OutsideQueries(views: pair.far.views).membership(of: pair.bob.userID, in: room)?.membership == .leave)
    }

    // MARK: Looking up

    @Test func aliasesAndProfiles() async throws {
        let pair = try await Pair()
        let room = try await pair.near.room(of: pair.ann, more: ["room_alias_name": "place"])
        let alias = try RoomAlias(parsing: "#place:near")
        let found = try await pair.far.remote.lookups.room(of: alias)
        #expect(found.room == room && found.servers == [pair.near.name])
        let missing = await #expect(throws: Rejection.self) {
            try await pair.far.remote.lookups.room(of: try RoomAlias(parsing: "#none:near"))
        }
        #expect(missing?.status == 404)
        let unreachable = await #expect(throws: Rejection.self) {
            try await pair.far.remote.lookups.room(of: try RoomAlias(parsing: "#place:gone"))
        }
        #expect(unreachable?.status == 502)
        let fact = ProfileFieldSet(userID: pair.ann.userID.rawValue, field: "displayname", value: "Ann")
        let stream = StreamID(kind: .user, name: pair.ann.userID.rawValue)
        _ = try await pair.near.log.append(LogBatch(records: [fact.record(stream: stream, actor: "", cause: "")]))
        #expect(try await pair.far.remote.lookups.profile(of: pair.ann.userID)["displayname"] == "Ann")
    }
}
