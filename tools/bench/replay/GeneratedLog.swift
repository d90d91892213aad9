import CanonicalJSON
import EventLog
import LogEvents

/// Makes records of a busy server: messages in many rooms by many users, with ids and signatures of the right size.
struct GeneratedLog {
    private var random: UInt64 = 1
    private(set) var count = 0
    private let rooms: [String]
    private let users: [String]
    private var lastEvent: [String]
    private var depths: [Int64]
    private var authEvents: [[String]]
    private var texts: [String]

    init(rooms: Int, users: Int) {
        var maker = IDMaker(state: 7)
        self.rooms = (0..<rooms).map { _ in "!" + maker.text(18) + ":bench.example.org" }
        self.users = (0..<users).map { "@user\($0):bench.example.org" }
        lastEvent = [String](repeating: "", count: rooms)
        depths = [Int64](repeating: 0, count: rooms)
        authEvents = [[String]](repeating: [], count: rooms)
        texts = (0..<64).map { _ in maker.words() }
        self.maker = maker
    }

    private var maker: IDMaker

    /// The records that make accounts and rooms with everybody in them.
    mutating func setUp() -> [NewRecord] {
        var records: [NewRecord] = []
        for user in users {
            let stream = StreamID(kind: .user, name: user)
            records.append(
                AccountRegistered(userID: user, passwordHash: nil, accountKind: "user")
                    .record(stream: stream, actor: user, cause: ""))
        }
        for room in rooms.indices {
            records.append(event(room, users[0], "m.room.create", stateKey: "", ["room_version": "11"]))
            authEvents[room].append(lastEvent[room])
            records.append(event(room, users[0], "m.room.power_levels", stateKey: "", ["users": [users[0]: 100]]))
            authEvents[room].append(lastEvent[room])
            for user in users {
                let content: JSONObject = [
                    "membership": "join", "displayname": .string("Name of \(user.dropLast(18))"),
                ]
                records.append(event(room, user, "m.room.member", stateKey: user, content))
            }
            authEvents[room].append(lastEvent[room])
        }
        return records
    }

    /// The next message.
    mutating func message() -> NewRecord {
        count += 1
        random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        let room = Int(random >> 33) % rooms.count
        let user = Int(random >> 13 & 0xffff) % users.count
        let content: JSONObject = ["body": .string("\(count) " + texts[count % 64]), "msgtype": "m.text"]
        return event(room, users[user], "m.room.message", stateKey: nil, content, transaction: "m\(count).\(user)")
    }

    private mutating func event(
        _ room: Int, _ sender: String, _ type: String, stateKey: String?, _ content: JSONObject,
        transaction: String? = nil
    ) -> NewRecord {
        depths[room] += 1
        let eventID = "$" + maker.text(43)
        var object: JSONObject = [
            "auth_events": .array(authEvents[room].map { .string($0) }),
            "content": .object(content),
            "depth": .integer(depths[room]),
            "hashes": ["sha256": .string(maker.text(43))],
            "origin_server_ts": .integer(1_700_000_000_000 + Int64(count)),
            "prev_events": .array(lastEvent[room].isEmpty ? [] : [.string(lastEvent[room])]),
            "room_id": .string(rooms[room]),
            "sender": .string(sender),
            "signatures": ["bench.example.org": ["ed25519:abcdef": .string(maker.text(86))]],
            "type": .string(type),
        ]
        if let stateKey { object["state_key"] = .string(stateKey) }
        lastEvent[room] = eventID
        let fact = PDURecorded(
            verdict: .accepted, roomVersion: "11", roomID: rooms[room], eventID: eventID,
            setsOwnEntry: stateKey != nil,
            sentBy: transaction.map { PDURecorded.ClientTransaction(deviceID: "ABCDEFGHIJ", transactionID: $0) },
            pdu: object.canonicalBytes())
        return fact.record(stream: StreamID(kind: .room, name: rooms[room]), actor: sender, cause: maker.text(8))
    }
}

/// Text that looks like hashes and like words.
private struct IDMaker {
    var state: UInt64
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
    private static let words = [
        "the", "quick", "brown", "server", "jumps", "over", "lazy", "federation", "event", "now",
    ]

    private mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func text(_ length: Int) -> String {
        var bytes: [UInt8] = []
        while bytes.count < length {
            var bits = next()
            for _ in 0..<10 where bytes.count < length {
                bytes.append(Self.alphabet[Int(bits & 63)])
                bits >>= 6
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    mutating func words() -> String {
        (0..<(4 + Int(next() % 10))).map { _ in Self.words[Int(next() % 10)] }.joined(separator: " ")
    }
}
