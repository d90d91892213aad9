import CanonicalJSON
import MatrixEvents
import RoomVersions
import Testing

/// Which objects are valid events of which room versions ("Event format", "Canonical JSON", "Size limits").
@Suite struct EventFormatTests {
    struct Shape: Sendable, CustomTestStringConvertible {
        let title: String
        /// The versions in which the object is a valid event; nil for none.
        let versions: ClosedRange<Int>?
        let change: @Sendable (inout JSONObject, RoomVersion) -> Void

        var testDescription: String { title }

        init(
            _ title: String, in versions: ClosedRange<Int>?,
            _ change: @escaping @Sendable (inout JSONObject, RoomVersion) -> Void
        ) {
            self.title = title
            self.versions = versions
            self.change = change
        }

        /// An event with another value in one member, or without it.
        init(_ member: String, _ value: JSONValue?, in versions: ClosedRange<Int>?) {
            self.init("\(member): \(value.map { "\($0)" } ?? "absent")", in: versions) { object, _ in
                object[member] = value
            }
        }
    }

    private static let all = 1...12

    private static func link(_ version: RoomVersion, _ number: Int = 0) -> JSONValue {
        version.eventIDFormat == .opaque
            ? [.string("$p\(number):example.org"), ["sha256": "AA"]] : .string("$p\(number)")
    }

    private static func long(_ count: Int, _ unit: String = "x") -> JSONValue {
        .string(String(repeating: unit, count: count))
    }

    private static let identifiers: [Shape] = [
        Shape("nothing changed", in: all) { _, _ in },
        Shape("event_id", nil, in: 3...12),
        Shape("event_id", "nonsense", in: 3...12),
        Shape("event_id", 3, in: 3...12),
        Shape("event_id is too long", in: 3...12) { object, _ in
            object["event_id"] = .string("$" + String(repeating: "x", count: 243) + ":example.org")
        },
        Shape("room_id", nil, in: nil),
        Shape("room_id", "r:example.org", in: nil),
        Shape("room_id", "!nodomain", in: all),
        Shape("room_id is too long", in: nil) { object, _ in
            object["room_id"] = .string("!" + String(repeating: "x", count: 243) + ":example.org")
        },
        Shape("a create event without room_id", in: 12...12) { object, _ in
            object["type"] = "m.room.create"
            object["room_id"] = nil
        },
        Shape("sender", nil, in: nil),
        Shape("sender", "alice", in: nil),
        Shape("sender", "@:example.org", in: all),
        Shape("sender", "@ÜBER uns:example.org:8448", in: all),
        Shape("sender", "@alice:exa mple", in: nil),
        Shape("sender of 255 bytes", in: all) { object, _ in
            object["sender"] = .string("@" + String(repeating: "x", count: 242) + ":example.org")
        },
        Shape("sender of 256 bytes", in: nil) { object, _ in
            object["sender"] = .string("@" + String(repeating: "x", count: 243) + ":example.org")
        },
        Shape("type", nil, in: nil),
        Shape("type", "", in: all),
        Shape("type", long(255), in: all),
        Shape("type", long(256), in: nil),
        Shape("type", long(128, "ü"), in: nil),
        Shape("state_key", "", in: all),
        Shape("state_key", long(255), in: all),
        Shape("state_key", long(256), in: nil),
        Shape("state_key", long(128, "ü"), in: nil),
        Shape("state_key", .null, in: nil),
    ]

    private static let links: [Shape] = ["prev_events", "auth_events"].flatMap { member -> [Shape] in
        let most = member == "prev_events" ? 20 : 10
        return [
            Shape(member, nil, in: nil),
            Shape(member, [], in: all),
            Shape(member, ["$p:example.org"], in: 3...12),
            Shape(member, [["$p:example.org", ["sha256": "AA"]]], in: 1...2),
            Shape(member, [["$p:example.org"]], in: nil),
            Shape(member, [["$p:example.org", [:], [:]]], in: nil),
            Shape(member, [[3, [:]]], in: nil),
            Shape(member, ["p"], in: nil),
            Shape(member, [3], in: nil),
            Shape(member, [:], in: nil),
            Shape("\(member) has \(most)", in: all) { object, version in
                object[member] = .array((0..<most).map { link(version, $0) })
            },
            Shape("\(member) has \(most + 1)", in: nil) { object, version in
                object[member] = .array((0...most).map { link(version, $0) })
            },
        ]
    }

    private static let numbers: [Shape] = [
        Shape("depth", nil, in: nil),
        Shape("depth", 0, in: all),
        Shape("depth", -1, in: nil),
        Shape("depth", 1.5, in: nil),
        Shape("depth", "7", in: nil),
        Shape("depth", true, in: nil),
        Shape("depth", 9_007_199_254_740_991, in: all),
        Shape("depth", 9_007_199_254_740_992, in: 1...5),
        Shape("depth", 9_223_372_036_854_775_807, in: 1...5),
        Shape("depth", 1e19, in: nil),
        Shape("origin_server_ts", nil, in: nil),
        Shape("origin_server_ts", 0, in: all),
        Shape("origin_server_ts", 9_007_199_254_740_991, in: all),
        Shape("origin_server_ts", 9_007_199_254_740_992, in: 1...5),
        Shape("origin_server_ts", 1.5, in: nil),
        Shape("origin_server_ts", "0", in: nil),
        Shape("content", ["x": 1.5], in: 1...5),
        Shape("content", ["x": ["y": [-1e300]]], in: 1...5),
        Shape("content", ["x": 9_007_199_254_740_992], in: 1...5),
        Shape("content", ["x": -9_007_199_254_740_991], in: all),
        Shape("org.example.extra", [["x": 0.5]], in: 1...5),
    ]

    private static let others: [Shape] = [
        Shape("content", nil, in: nil),
        Shape("content", .null, in: nil),
        Shape("content", [], in: nil),
        Shape("content", [:], in: all),
        Shape("hashes", nil, in: nil),
        Shape("hashes", "x", in: nil),
        Shape("hashes", [:], in: all),
        Shape("signatures", nil, in: nil),
        Shape("signatures", [], in: nil),
        Shape("redacts", 3, in: all),
        Shape("org.example.extra", .null, in: all),
        Shape("65,536 bytes", in: all) { object, version in object.fill(to: 65_536) },
        Shape("65,537 bytes", in: nil) { object, version in object.fill(to: 65_537) },
        Shape("65,536 bytes beside unsigned", in: all) { object, version in
            object.fill(to: 65_536)
            object["unsigned"] = long(1_000)
        },
    ]

    @Test(arguments: identifiers + links + numbers + others)
    func everyShape(shape: Shape) {
        for (index, version) in RoomVersion.all.enumerated() {
            var object = PDUTests.event(version)
            shape.change(&object, version)
            let isValid = shape.versions?.contains(index + 1) ?? false
            let pdu = try? PDU(object: object, version: version)
            #expect((pdu != nil) == isValid, "v\(version) \(shape.title)")
            let parsed = try? PDU(parsing: object.canonicalBytes(), version: version)
            #expect((parsed != nil) == isValid, "v\(version) \(shape.title), parsed")
        }
    }

    /// "Servers MUST strictly enforce the JSON format specified in the appendices" (v6).
    @Test(
        arguments: [
            ("1", all), ("-1", all), ("0", all), ("1.0", 1...5), ("1e3", 1...5), ("1E-3", 1...5), ("-0", 1...5),
            ("9007199254740991", all), ("9007199254740992", 1...5), ("-9007199254740992", 1...5),
            ("18446744073709551616", 1...5), ("1e400", nil), ("NaN", nil), ("Infinity", nil), ("01", nil), ("+1", nil),
            (".5", nil), ("\"\\u0041\"", all), ("\"\\q\"", nil), ("tru", nil), ("[1,]", nil),
        ] as [(String, ClosedRange<Int>?)])
    func everyText(text: String, versions: ClosedRange<Int>?) {
        for (index, version) in RoomVersion.all.enumerated() {
            var object = PDUTests.event(version)
            object["content"] = ["x": "PLACE"]
            let bytes = String(decoding: object.canonicalBytes(), as: UTF8.self)
            let parts = bytes.split(separator: "\"PLACE\"", maxSplits: 1)
            let pdu = try? PDU(parsing: Array((parts[0] + text + parts[1]).utf8), version: version)
            #expect((pdu != nil) == (versions?.contains(index + 1) ?? false), "v\(version) \(text)")
        }
    }
}

extension JSONObject {
    /// Makes the event as large as this in canonical JSON.
    fileprivate mutating func fill(to size: Int) {
        self["content"] = ["x": ""]
        let missing = size - canonicalBytes().count
        self["content"] = ["x": .string(String(repeating: "x", count: missing))]
    }
}
