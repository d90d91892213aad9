import CanonicalJSON
import EventLog
import LogEvents
import MatrixIdentifiers
import Queries
import Testing

@testable import Reactors

private let bobOfB = "@bob:b.org"
private let carol = "@carol:c.org"
private let dave = "@dave:d.org"

@Suite(.timeLimit(.minutes(10))) struct FederationSenderTests {
    @Test func anEventGoesToTheServersOfTheRoomAsItWas() async throws {
        let house = try SenderHouse()
        try await house.createRoom(with: [bobOfB])
        try house.start()
        try await house.untilQuiet()
        try await house.message(1)
        // Who comes later is not told of what was before, but of the join by which they come nobody but the others.
        try await house.member(carol, "join")
        try await house.message(2)
        try await house.member(bobOfB, "leave")
        try await house.message(3)
        // What others say is theirs to tell.
        try await house.message(9, by: carol)
        try await house.send("m.room.message", by: SenderHouse.alice, verdict: .softFailed, ["n": 8])
        // Nor is what others knew of us before we did.
        try await house.send("m.room.message", by: SenderHouse.alice, isBackfilled: true, ["n": 7])
        try await house.message(4)
        try await house.until { house.servers.taken(by: "c.org").flatMap(\.numbers).contains(4) }
        try await house.untilQuiet()
        #expect(house.servers.taken(by: "b.org").flatMap(\.numbers) == [1, 2])
        #expect(house.servers.taken(by: "c.org").flatMap(\.numbers) == [2, 3, 4])
        #expect(Set(house.servers.taken.map(\.server)) == ["b.org", "c.org"])
        let body = try #require(house.servers.taken.first?.body)
        #expect(body["origin"] == "example.org" && body["origin_server_ts"] == 1_700_000_000_000)
        // As it was signed: without what only clients see.
        #expect(body["pdus"]?.arrayValue?.first?["event_id"] == nil)
        try await house.close()
    }

    @Test func theMemberWhomItConcernsIsTold() async throws {
        let house = try SenderHouse()
        try await house.createRoom(with: [bobOfB])
        try house.start()
        try await house.untilQuiet()
        try await house.member(carol, "invite", by: SenderHouse.alice)
        try await house.member(dave, "ban", by: SenderHouse.alice)
        try await house.member(bobOfB, "leave", by: SenderHouse.alice)
        try await house.until { house.servers.taken(by: "b.org").flatMap(\.pdus).count == 3 }
        try await house.untilQuiet()
        #expect(house.servers.taken(by: "c.org").flatMap(\.pdus).map { $0["state_key"] } == [.string(carol)])
        #expect(house.servers.taken(by: "d.org").flatMap(\.pdus).map { $0["state_key"] } == [.string(dave)])
        try await house.close()
    }

    @Test func whatWasSaidThroughAnotherServerIsNotSaidTwice() async throws {
        let house = try SenderHouse()
        // A room of another server's, in which nobody of ours is.
        let room = "!other:b.org"
        try await house.send("m.room.create", by: bobOfB, stateKey: "", in: room, ["room_version": "10"])
        try await house.member(bobOfB, "join", in: room)
        try house.start()
        try await house.untilQuiet()
        try await house.member(SenderHouse.alice, "knock", in: room)
        try await house.member(SenderHouse.alice, "invite", by: bobOfB, in: room)
        try await house.member(SenderHouse.alice, "join", in: room)
        try await house.message(1, in: room)
        try await house.until { !house.servers.taken.isEmpty }
        try await house.untilQuiet()
        #expect(house.servers.taken.flatMap(\.pdus).count == 1)
        #expect(house.servers.taken.flatMap(\.numbers) == [1])
        // But what came here first is ours to pass on, to all but the one who brought it.
        try await house.member(carol, "join", in: room)
        let eventID = try await house.send(
            "m.room.member", by: dave, stateKey: dave, in: room, ["membership": "join", "n": 7])
        try await house.record(RelayPromised(eventID: eventID, origin: "d.org"))
        try await house.until { house.servers.taken(by: "c.org").flatMap(\.numbers) == [7] }
        try await house.untilQuiet()
        #expect(house.servers.taken(by: "b.org").flatMap(\.numbers) == [1, 7])
        #expect(house.servers.taken(by: "d.org").isEmpty)
        try await house.close()
    }

    @Test func transactionsHaveAtMostFiftyEvents() async throws {
        let house = try SenderHouse()
        try await house.createRoom(with: [bobOfB])
        try house.start()
        try await house.untilQuiet()
        house.servers.set("b.org", .isAway)
        for number in 0..<140 { try await house.message(number) }
        try await house.until { house.load.failing == 1 }
        house.servers.set("b.org", .takes)
        try house.heard(from: "b.org")
        try await house.until { house.servers.taken.flatMap(\.numbers).count >= 140 }
        #expect(house.servers.taken.flatMap(\.numbers) == (0..<140).map(Int64.init))
        #expect(house.servers.taken.allSatisfy { $0.pdus.count <= 50 })
        #expect(!house.servers.hadTwoAtOnce && !house.servers.hadOneIDTwice)
        try await house.close()
    }

    @Test func oneThatIsAwayHoldsUpNobodyAndIsTriedLaterAndLater() async throws {
        let house = try SenderHouse()
        try await house.createRoom(with: [bobOfB, carol])
        try house.start()
        try await house.untilQuiet()
        house.servers.set("b.org", .isAway)
        try await house.message(1)
        try await house.until { house.servers.taken(by: "c.org").flatMap(\.numbers) == [1] }
        try await house.until { house.load.failing == 1 }
        let attempts = house.servers.attempts(at: "b.org")
        try await house.message(2)
        try await house.until { house.servers.taken(by: "c.org").flatMap(\.numbers) == [1, 2] }
        #expect(house.servers.attempts(at: "b.org") == attempts)
        house.advance(ms: 3_000)
        try await house.until { house.servers.attempts(at: "b.org") == attempts + 1 }
        house.servers.set("b.org", .takes)
        // The failure may be known only after the clock has gone on.
        try await house.until {
            house.advance(ms: 1_000)
            return house.servers.taken(by: "b.org").flatMap(\.numbers) == [1, 2]
        }
        try await house.close()
    }

    @Test func whoIsFarBehindIsToldTheNewestOfEachRoom() async throws {
        let house = try SenderHouse()
        let other = "!second:example.org"
        try await house.createRoom(with: [bobOfB])
        try await house.createRoom(other, with: [bobOfB])
        try house.start { $0.catchUpBehind = 100 }
        try await house.untilQuiet()
        house.servers.set("b.org", .isAway)
        for number in 0..<400 { try await house.message(number, in: number % 2 == 0 ? SenderHouse.room : other) }
        try await house.record(
            ToDeviceForwarded(
                server: "b.org", sender: SenderHouse.alice, type: "m.x", messageID: "m1",
                messages: [bobOfB: ["D": ["body": "x"]]]))
        try await house.until { house.load.failing == 1 }
        // What is kept in memory was never all of it.
        await house.stop()
        house.servers.set("b.org", .takes)
        try house.start { $0.catchUpBehind = 100 }
        try await house.until { house.servers.taken.flatMap(\.edus).count == 1 }
        try await house.untilQuiet()
        #expect(house.servers.taken.flatMap(\.numbers) == [398, 399])
        try await house.message(1_000)
        try await house.until { house.servers.taken.flatMap(\.numbers) == [398, 399, 1_000] }
        try await house.close()
    }

    @Test func whatIsAlwaysRefusedIsGivenUpAlone() async throws {
        let house = try SenderHouse()
        try await house.createRoom(with: [bobOfB])
        try house.start()
        try await house.untilQuiet()
        house.servers.set("b.org", .refuses(400))
        try await house.message(1)
        try await house.until {
            house.advance(ms: 3_600_000)
            return house.servers.attempts(at: "b.org") >= 4 && house.load.waiting == 0
        }
        house.servers.set("b.org", .takes)
        try await house.message(2)
        try await house.until {
            house.advance(ms: 3_600_000)
            return house.servers.taken.flatMap(\.numbers) == [2]
        }
        try await house.close()
    }

    /// Whatever fails and however often the sender is killed, every destination gets every event, in order.
    @Test(arguments: 1...6 as ClosedRange<UInt64>) func nothingIsLost(seed: UInt64) async throws {
        let house = try SenderHouse()
        let rooms = [SenderHouse.room, "!second:example.org"]
        try await house.createRoom(rooms[0], with: [bobOfB, carol])
        try await house.createRoom(rooms[1], with: [bobOfB, dave])
        var random = seed
        func next(_ bound: UInt64) -> UInt64 {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (random >> 33) % bound
        }
        try house.start()
        try await house.untilQuiet()
        house.servers.failAtRandom(seed: seed)
        var sent: [[Int64]] = [[], []]
        for number in 0..<160 {
            let place = Int(next(2))
            try await house.message(number, in: rooms[place])
            sent[place].append(Int64(number))
            if next(4) == 0 { house.advance(ms: Int64(next(20_000))) }
            if next(12) == 0 {
                if next(2) == 0 { await house.crash() } else { await house.stop() }
                try house.start()
            }
        }
        house.servers.failAtRandom(seed: nil)
        let wanted = ["b.org": sent.flatMap(\.self).sorted(), "c.org": sent[0], "d.org": sent[1]]
        try await house.until {
            house.advance(ms: 100_000)
            return wanted.allSatisfy { server, numbers in
                Set(house.servers.taken(by: server).flatMap(\.numbers)) == Set(numbers)
            }
        }
        for (server, numbers) in wanted {
            // What comes again is known: without it the order is that of the rooms.
            var seen: Set<Int64> = []
            let first = house.servers.taken(by: server).flatMap(\.numbers).filter { seen.insert($0).inserted }
            #expect(first == numbers, "\(server)")
        }
        #expect(!house.servers.hadOneIDTwice)
        try await house.close()
    }
}
