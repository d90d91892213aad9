package import CanonicalJSON
package import TestSupport

/// Spoils JSON values at random: members dropped, retyped, nested, put elsewhere; numbers and strings at every border.
package enum JSONMutation {
    /// The object with one to three things changed.
    package static func mutate(_ object: JSONObject, _ random: inout SeededRandom) -> JSONObject {
        var value = JSONValue.object(object)
        for _ in 0...random.below(3) { value = mutate(value, &random, depth: 0) }
        return value.objectValue ?? object
    }

    /// Bytes with some of them changed, dropped or doubled.
    package static func mutate(_ bytes: [UInt8], _ random: inout SeededRandom) -> [UInt8] {
        var bytes = bytes
        for _ in 0...random.below(4) where !bytes.isEmpty {
            let place = random.below(bytes.count)
            switch random.below(5) {
            case 0: bytes[place] = UInt8(random.below(256))
            case 1: bytes.remove(at: place)
            case 2: bytes.insert(Array("{}[]\",:0-.eE\\u".utf8)[random.below(14)], at: place)
            case 3: bytes.removeSubrange(place..<min(bytes.count, place + random.below(20)))
            default: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 30)], at: place)
            }
        }
        return bytes
    }

    private static func mutate(_ value: JSONValue, _ random: inout SeededRandom, depth: Int) -> JSONValue {
        // Mostly somewhere below; the deeper, the likelier here.
        switch value {
        case .object(let object) where !object.isEmpty && (depth == 0 || !random.oneIn(3)):
            return .object(mutateMembers(of: object, &random, depth: depth))
        case .array(let elements) where !elements.isEmpty && !random.oneIn(3):
            return .array(mutateElements(of: elements, &random, depth: depth))
        default: return junk(&random, instead: value)
        }
    }

    private static func mutateMembers(
        of object: JSONObject, _ random: inout SeededRandom, depth: Int
    ) -> JSONObject {
        var object = object
        let name = object.keys[random.below(object.count)]
        switch random.below(6) {
        case 0: object[name] = nil
        case 1: object[names[random.below(names.count)]] = junk(&random, instead: object[name])
        case 2: object[names[random.below(names.count)]] = object[name]
        default: object[name] = mutate(object[name] ?? .null, &random, depth: depth + 1)
        }
        return object
    }

    private static func mutateElements(
        of elements: [JSONValue], _ random: inout SeededRandom, depth: Int
    ) -> [JSONValue] {
        var elements = elements
        let index = random.below(elements.count)
        switch random.below(4) {
        case 0: elements.remove(at: index)
        case 1: elements += [JSONValue](repeating: elements[index], count: 1 + random.below(24))
        default: elements[index] = mutate(elements[index], &random, depth: depth + 1)
        }
        return elements
    }

    private static func junk(_ random: inout SeededRandom, instead value: JSONValue?) -> JSONValue {
        switch random.below(8) {
        case 0: return [.null, true, false, [], [:], [[]], .object(["": .null])][random.below(7)]
        case 1, 2: return .integer(integers[random.below(integers.count)])
        case 3: return .double(doubles[random.below(doubles.count)])
        case 4, 5: return .string(strings[random.below(strings.count)])
        case 6:
            var nested = value ?? .null
            for level in 0..<1 + random.below(80) { nested = level % 2 == 0 ? [nested] : ["a": nested] }
            return nested
        default: return .string(String(repeating: "\u{e9}", count: [1, 127, 128, 255, 40_000][random.below(5)]))
        }
    }

    private static let integers: [Int64] = [
        0, 1, -1, 50, 100, 101, .max, .min, .max - 1, .min + 1, 1 << 53, -(1 << 53), (1 << 53) - 1, 1 << 32,
    ]

    private static let doubles = [
        0.5, -0.0, 50.0, 1e300, -1e300, 9.3e18, -9.3e18, 9_223_372_036_854_775_807.0, .leastNonzeroMagnitude,
    ]

    private static let strings = [
        "", "50", " +007 ", "-", "99999999999999999999", "-9223372036854775808", "\u{0}", "@", "@:", "@a", "@:b",
        "@u0:a.example",
        "@u1:b.example:8448", "$", "$x", "!", "!x", "!room:a.example", "#a:b", "join", "ban", "leave", "knock",
        "invite",
        "public", "restricted", "m.room.create", "m.room.member", "m.room.power_levels", "m.room.join_rules",
        "m.room.third_party_invite", "1", "12", "13", "\u{202e}", "a.example", "[::1]", "token0", "\u{1f600}",
    ]

    private static let names = [
        "type", "state_key", "sender", "content", "prev_events", "auth_events", "depth", "origin_server_ts", "room_id",
        "event_id", "hashes", "signatures", "redacts", "unsigned", "membership", "users", "events", "users_default",
        "ban",
        "kick", "invite", "redact", "state_default", "events_default", "notifications", "creator",
        "additional_creators",
        "room_version", "m.federate", "join_rule", "third_party_invite", "signed", "mxid", "token", "public_key",
        "public_keys", "join_authorised_via_users_server", "allow", "", "@u0:a.example",
    ]
}
