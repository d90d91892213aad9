import CanonicalJSON
import EventAuthorization
import MatrixEvents
import MatrixIdentifiers
import RoomVersions
import TestSupport
import Testing

/// Whatever a server puts into content, a verdict comes out and nothing traps.
@Suite struct MalformedContentTests {
    private static let types = [
        "m.room.create", "m.room.member", "m.room.power_levels", "m.room.join_rules", "m.room.third_party_invite",
        "m.room.aliases", "m.room.redaction", "m.room.message", "m.room.name",
    ]

    private static let keys = [
        "membership", "users", "events", "notifications", "ban", "kick", "invite", "redact", "users_default",
        "state_default", "events_default", "join_rule", "third_party_invite", "signed", "mxid", "token", "signatures",
        "public_key", "public_keys", "creator", "additional_creators", "room_version", "m.federate", "redacts",
        "join_authorised_via_users_server", "@bob:example.org", "@alice:example.org", "@", "",
    ]

    private static let strings = [
        "join", "invite", "leave", "ban", "knock", "public", "restricted", "knock_restricted", "@alice:example.org",
        "@bob:example.org", "@", "", "50", "-1", "99999999999999999999", "\u{0}", "e\u{301}", "12", "t", "$e", "AAAA",
    ]

    private static let integers: [Int64] = [
        0, 1, -1, 50, 100, 9_007_199_254_740_991, -9_007_199_254_740_991, .max, .min,
    ]

    private static func value(_ random: inout SeededRandom, depth: Int) -> JSONValue {
        switch random.below(depth > 0 ? 9 : 6) {
        case 0: return .null
        case 1: return .bool(random.oneIn(2))
        case 2, 3: return .integer(random.pick(integers) ?? 0)
        case 4: return .string(random.pick(strings) ?? "")
        case 5: return .double(random.pick([0.5, -1.5, 1e300, 9.3e18, 50.0]) ?? 0)
        case 6: return .array((0..<random.below(3)).map { _ in value(&random, depth: depth - 1) })
        default: return .object(object(&random, depth: depth - 1))
        }
    }

    private static func object(_ random: inout SeededRandom, depth: Int) -> JSONObject {
        JSONObject((0..<random.below(6)).map { _ in (random.pick(keys) ?? "", value(&random, depth: depth)) })
    }

    @Test(arguments: RoomVersion.all)
    func randomContentGetsAVerdict(version: RoomVersion) throws {
        var random = SeededRandom(seed: 12_000 + (UInt64(version.id) ?? 0))
        let users = [TestRoom.alice, TestRoom.bob, TestRoom.carol, TestRoom.dave]
        var judged = 0
        let start = try TestRoom(version)
        for _ in 0..<600 {
            var room = start
            for _ in 0..<random.below(3) {
                let type = random.pick(Self.types) ?? ""
                let stateKey = random.pick(users + ["", "t"]) ?? ""
                let content = Self.object(&random, depth: 3)
                guard let event = try? room.event(type, stateKey, by: random.pick(users) ?? "", content) else {
                    continue
                }
                room.state.insert(event)
            }
            var content = Self.object(&random, depth: 3)
            let type = random.pick(Self.types) ?? ""
            if type == "m.room.member" { content["membership"] = .string(random.pick(Self.strings) ?? "") }
            let stateKey = random.oneIn(4) ? nil : random.pick(users + ["", "t"])
            guard let event = try? room.event(type, stateKey, by: random.pick(users) ?? "", content) else { continue }
            _ = try room.verdict(event)
            _ = AuthEventSelection.keys(for: event, version: version)
            judged += 1
        }
        #expect(judged > 100)
    }

    /// An object with one value somewhere in it replaced, removed or put under another key.
    private static func mutated(_ object: JSONObject, _ random: inout SeededRandom) -> JSONObject {
        var object = object
        guard let key = random.pick(object.keys), let value = object[key] else {
            return Self.object(&random, depth: 2)
        }
        switch value {
        case .object(let inner) where random.oneIn(2): object[key] = .object(mutated(inner, &random))
        case .array(let elements) where !elements.isEmpty && random.oneIn(2):
            var elements = elements
            elements[random.below(elements.count)] = Self.value(&random, depth: 2)
            object[key] = .array(elements)
        default:
            switch random.below(4) {
            case 0: object[key] = nil
            case 1: object[random.pick(keys) ?? ""] = value
            default: object[key] = Self.value(&random, depth: 2)
            }
        }
        return object
    }

    /// The events of all rules' cases and the state they are judged by, changed at random.
    @Test(arguments: RoomVersion.all)
    func mutatedEventsGetAVerdict(version: RoomVersion) throws {
        var random = SeededRandom(seed: 13_000 + (UInt64(version.id) ?? 0))
        let pages = try AuthRulePages()
        let number = Int(version.id) ?? 0
        let start = try TestRoom(version)
        var judged = 0
        for testCase in AuthCases.all where pages.has(testCase, in: number) {
            var room = start
            var attempt = try testCase.make(&room)
            for entry in AuthEventSelection.keys(for: attempt.pdu, version: version) where random.oneIn(3) {
                guard let held = room.state.authEvent(type: entry.type, stateKey: entry.stateKey) else { continue }
                let changed = Self.mutated(held.object, &random)
                if let pdu = try? PDU(draft: changed, version: version) { room.state.insert(pdu) }
            }
            for _ in 0..<3 {
                let changed = Self.mutated(attempt.pdu.object, &random)
                guard let pdu = try? PDU(draft: changed, version: version) else { continue }
                attempt = Attempt(pdu: pdu, authEvents: attempt.authEvents)
                _ = try room.verdict(attempt)
                judged += 1
            }
        }
        #expect(judged > 300)
    }
}
