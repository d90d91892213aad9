import CanonicalJSON
import EventLog
import LogEvents
import MatrixIdentifiers
import Queries
import Testing

@testable import Reactors

private let bobOfB = "@bob:b.org"
private let carol = "@carol:c.org"

@Suite(.timeLimit(.minutes(10))) struct SenderEDUTests {
    private func house() async throws -> SenderHouse {
        let house = try SenderHouse()
        try await house.record(AccountRegistered(userID: SenderHouse.alice, accountKind: "user"))
        try await house.createRoom(with: [bobOfB])
        try house.start()
        try await house.untilQuiet()
        return house
    }

    private func edus(_ house: SenderHouse, _ type: String, at server: String = "b.org") -> [JSONObject] {
        house.servers.taken(by: server).flatMap(\.edus).filter { $0["edu_type"] == .string(type) }
            .compactMap { $0["content"]?.objectValue }
    }

    @Test func typingIsToldOnceAndEnds() async throws {
        let house = try await house()
        let number = try #require(try RoomQueries(views: house.views).number(of: RoomID(parsing: SenderHouse.room)))
        let user = try UserID(parsing: SenderHouse.alice)
        house.ephemeral.setTyping(room: number, user: user, isTyping: true)
        try await house.until { edus(house, "m.typing").count == 1 }
        // Again and again is not news, and others' typing is not ours to tell.
        house.ephemeral.setTyping(room: number, user: user, isTyping: true)
        house.ephemeral.setTyping(room: number, user: try UserID(parsing: bobOfB), isTyping: true)
        house.ephemeral.setTyping(room: number, user: user, isTyping: false)
        try await house.until { edus(house, "m.typing").count == 2 }
        let told = edus(house, "m.typing")
        #expect(
            told.first == ["room_id": .string(SenderHouse.room), "user_id": .string(SenderHouse.alice), "typing": true])
        #expect(told.last?["typing"] == false)
        try await house.close()
    }

    @Test func publicReceiptsAreTold() async throws {
        let house = try await house()
        let eventID = try await house.message(1, by: bobOfB)
        for (type, thread) in [("m.read.private", nil), ("m.read", nil), ("m.read", "main")] {
            try await house.record(
                ReceiptRecorded(
                    userID: SenderHouse.alice, roomID: SenderHouse.room, receiptType: type, eventID: eventID,
                    threadID: thread, timestampMs: 5))
        }
        try await house.until {
            edus(house, "m.receipt").contains {
                $0[SenderHouse.room]?["m.read"]?[SenderHouse.alice]?["data"]?["thread_id"] == "main"
            }
        }
        let told = edus(house, "m.receipt")
        #expect(
            told.contains(
                [
                    SenderHouse.room: [
                        "m.read": [SenderHouse.alice: ["event_ids": [.string(eventID)], "data": ["ts": 5]]]
                    ]
                ]))
        #expect(told.count == 2)
        try await house.close()
    }

    @Test func presenceIsToldToThoseWhoShareARoom() async throws {
        let house = try await house()
        let number = try #require(
            try AccountQueries(views: house.views).number(of: UserID(parsing: SenderHouse.alice)))
        house.ephemeral.presence.set(number, .online, statusMessage: "here")
        try await house.until { !edus(house, "m.presence").isEmpty }
        let update = edus(house, "m.presence").last?["push"]?.arrayValue?.last
        #expect(update?["user_id"] == .string(SenderHouse.alice) && update?["presence"] == "online")
        #expect(update?["status_msg"] == "here" && update?["currently_active"] == true)
        #expect(update?["last_active_ago"] == 0)
        try await house.close()
    }

    @Test func messagesToDevicesComeThroughACrash() async throws {
        let house = try await house()
        house.servers.set("c.org", .isAway)
        for number in 0..<3 {
            try await house.record(
                ToDeviceForwarded(
                    server: "c.org", sender: SenderHouse.alice, type: "m.x", messageID: "m\(number)",
                    messages: [carol: ["D": ["n": .integer(Int64(number))]]]))
        }
        try await house.until { house.load.failing == 1 }
        await house.crash()
        house.servers.set("c.org", .takes)
        try house.start()
        try await house.until { edus(house, "m.direct_to_device", at: "c.org").count >= 3 }
        let told = edus(house, "m.direct_to_device", at: "c.org")
        #expect(told.map { $0["message_id"] } == ["m0", "m1", "m2"])
        #expect(
            told.first == [
                "sender": .string(SenderHouse.alice), "type": "m.x", "message_id": "m0",
                "messages": [carol: ["D": ["n": 0]]],
            ])
        try await house.close()
    }

    @Test func changesOfDevicesAreAChain() async throws {
        let house = try await house()
        let hash = String(repeating: "A", count: 43)
        let keys: JSONObject = [
            "user_id": .string(SenderHouse.alice), "device_id": "ONE", "keys": ["ed25519:ONE": "k"],
        ]
        try await house.record(
            DeviceRegistered(userID: SenderHouse.alice, deviceID: "ONE", displayName: "n", tokenHash: hash))
        try await house.until { edus(house, "m.device_list_update").count == 1 }
        try await house.record(
            DeviceKeysUploaded(
                userID: SenderHouse.alice, deviceID: "ONE", deviceKeys: keys, oneTimeKeys: [:], fallbackKeys: [:]))
        try await house.until { edus(house, "m.device_list_update").count == 2 }
        try await house.record(
            DeviceRegistered(userID: SenderHouse.alice, deviceID: "TWO", displayName: "n", tokenHash: hash))
        try await house.record(DevicesRemoved(userID: SenderHouse.alice, deviceIDs: ["ONE", "TWO"]))
        try await house.record(
            CrossSigningKeysSet(
                userID: SenderHouse.alice, master: ["keys": ["m": "1"]], selfSigning: nil, userSigning: ["keys": [:]]))
        try await house.until { !edus(house, "m.signing_key_update").isEmpty }
        let told = edus(house, "m.device_list_update")
        #expect(told.map { $0["device_id"] } == ["ONE", "ONE", "TWO", "ONE", "TWO"])
        #expect(told[1]["keys"] == .object(keys) && told[1]["device_display_name"] == nil)
        #expect(told[3]["deleted"] == true && told[4]["deleted"] == true)
        // Each names the one before it, and none an id twice.
        let ids = told.compactMap { $0["stream_id"]?.integerValue }
        #expect(ids == Set(ids).sorted() && ids.count == 5)
        for (index, update) in told.enumerated() {
            #expect(update["prev_id"] == .array(index == 0 ? [] : [.integer(ids[index - 1])]))
        }
        let newest = try DeviceListStream(views: house.views).newest(of: UserID(parsing: SenderHouse.alice))
        #expect(newest == ids.last)
        #expect(
            edus(house, "m.signing_key_update") == [
                ["user_id": .string(SenderHouse.alice), "master_key": ["keys": ["m": "1"]]]
            ])
        try await house.close()
    }
}
