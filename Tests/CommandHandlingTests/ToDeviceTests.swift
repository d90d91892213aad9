import CanonicalJSON
import CommandHandling
import Decisions
import EventLog
import LogEvents
import MatrixIdentifiers
import ProjectionEngine
import Queries
import ReadModel
import Testing

@Suite struct ToDeviceTests {
    private func send(
        _ house: KeyHouse, _ text: String, to device: String = "DEVICE", by caller: Caller, transaction: String
    ) async throws {
        let body: JSONObject = ["messages": ["@bob:test": [device: ["n": .string(text)]]]]
        try await house.keys.send(
            try ToDeviceRequest(body: body), type: "m.test", transactionID: transaction, caller: caller)
    }

    private func texts(
        _ house: KeyHouse, _ caller: Caller, after position: UInt64 = 0
    ) throws -> (texts: [String], upTo: LogPosition) {
        let page = try house.keys.toDevice.page(
            house.asker(caller).identity.userNum, caller.deviceID ?? "", after: LogPosition(rawValue: position))
        let texts = try page.events.map { try JSONValue.parse($0)["content"]?["n"]?.stringValue ?? "?" }
        return (texts, page.upTo)
    }

    @Test func aRepeatedTransactionSendsOnce() async throws {
        let house = try KeyHouse()
        let alice = try await house.login("alice")
        let bob = try await house.login("bob")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<8 { group.addTask { try await send(house, "x", by: alice, transaction: "1") } }
            try await group.waitForAll()
        }
        try await send(house, "x", by: alice, transaction: "1")
        try await send(house, "y", by: alice, transaction: "2")
        #expect(try texts(house, bob).texts == ["x", "y"])
        try house.engine.rebuild()
        try await send(house, "x", by: alice, transaction: "1")
        #expect(try texts(house, bob).texts == ["x", "y"])
        try house.close()
        try house.remove()
    }

    @Test func aRepetitionThatComesAsTheFirstEndsSendsNothing() async throws {
        let house = try KeyHouse()
        let alice = try await house.login("alice")
        let bob = try await house.login("bob")
        for round in 0..<40 {
            try await withThrowingTaskGroup(of: Void.self) { group in
                // Each begins a little later, so that some look before the first is recorded and send after it.
                for delay in 0..<12 {
                    group.addTask {
                        for _ in 0..<delay { await Task.yield() }
                        try await send(house, "\(round)", by: alice, transaction: "\(round)")
                    }
                }
                try await group.waitForAll()
            }
        }
        #expect(try texts(house, bob).texts == (0..<40).map { "\($0)" })
        try house.close()
        try house.remove()
    }

    @Test func aStarMeansAllDevices() async throws {
        let house = try KeyHouse()
        let alice = try await house.login("alice")
        var devices: [Caller] = []
        for name in ["ONE", "TWO", "THREE"] { devices.append(try await house.login("bob", name)) }
        let body: JSONObject = [
            "messages": ["@bob:test": ["*": ["n": "all"], "TWO": ["n": "own"], "NONE": ["n": "?"]]]
        ]
        try await house.keys.send(
            try ToDeviceRequest(body: body), type: "m.test", transactionID: "1", caller: alice)
        let found = try devices.map { try texts(house, $0).texts }
        #expect(found == [["all"], ["own"], ["all"]])
        // A login that comes later has nothing of it, nor one of the same name after a logout.
        let late = try await house.login("bob", "FOUR")
        #expect(try texts(house, late).texts == [])
        let accounts = AccountCommands(environment: house.environment)
        try await accounts.logout(caller: devices[0])
        let again = try await house.login("bob", "ONE")
        #expect(try texts(house, again).texts == [])
        try house.close()
        try house.remove()
    }

    @Test func messagesStayUntilATokenAcknowledgesThem() async throws {
        let house = try KeyHouse()
        let alice = try await house.login("alice")
        let bob = try await house.login("bob")
        for number in 0..<250 {
            try await send(house, "\(number)", by: alice, transaction: "\(number)")
        }
        let asker = try house.asker(bob)
        let first = try texts(house, bob)
        #expect(first.texts == (0..<100).map(String.init))
        #expect(try texts(house, bob).texts == first.texts)
        let token = SyncToken(
            epoch: house.log.epoch, position: house.views.head.rawValue, toDevice: first.upTo.rawValue)
        try await house.keys.acknowledge(token, asker: asker)
        let second = try texts(house, bob)
        #expect(second.texts == (100..<200).map(String.init))
        // Again, or with a token of another epoch or of the future: nothing.
        try await house.keys.acknowledge(token, asker: asker)
        for wrong in [
            SyncToken(epoch: 7, position: 1 << 40), SyncToken(epoch: house.log.epoch, position: 1 << 40),
        ] {
            try await house.keys.acknowledge(wrong, asker: asker)
        }
        #expect(try texts(house, bob).texts == second.texts)
        let live = try house.engine.digests()
        try house.engine.rebuild()
        #expect(try house.engine.digests() == live)
        try house.close()
        let again = try KeyHouse(directory: house.directory)
        #expect(try texts(again, bob).texts == second.texts)
        let all = SyncToken(epoch: again.log.epoch, position: again.views.head.rawValue)
        try await again.keys.acknowledge(all, asker: asker)
        #expect(try texts(again, bob).texts == [])
        try again.close()
        try again.remove()
    }
}
