internal import CanonicalJSON
package import MatrixEvents
package import MatrixIdentifiers
package import RoomVersions

/// A small room that shows one thing about state resolution: events, states to be resolved, and what must come of it.
package struct RoomStory: Sendable {
    package let name: String
    /// What the room shows, in a sentence or two.
    package let about: String
    package let version: RoomVersion
    package let roomID: RoomID
    package let events: [EventID: PDU]
    /// Parents first.
    package let order: [EventID]
    package let states: [NaiveState]
    /// Entries of the resolved state; nil where it must have none.
    package let expected: [NaiveStateKey: EventID?]

    /// The naive resolution of this room.
    package var naive: NaiveResolution { NaiveResolution(version: version, roomID: roomID, events: events) }

    /// The entries of a resolved state that are not as expected, in words.
    package func surprises(in resolved: NaiveState) -> [String] {
        expected.sorted { $0.key < $1.key }.compactMap { entry, eventID in
            guard resolved[entry] != eventID else { return nil }
            let (wanted, found) = (eventID?.rawValue ?? "nothing", resolved[entry]?.rawValue ?? "nothing")
            return "\(name) in room version \(version): \(entry) is \(found), not \(wanted)"
        }
    }
}

/// The form in `fixtures/rooms`: one object, with each event and each state on a line of its own.
extension RoomStory {
    /// The story as the text of a fixture.
    package var fixture: String {
        var lines = ["{", "\"about\": \(JSONValue.string(about)),", "\"events\": ["]
        lines.append(
            order.compactMap { eventID in
                events[eventID].map { "\(JSONValue.array([.string(eventID.rawValue), .object($0.object)]))" }
            }.joined(separator: ",\n"))
        lines += ["],", "\"expected\": ["]
        let wanted = expected.sorted { $0.key < $1.key }
        lines.append(wanted.map { "\(Self.json($0.key, $0.value))" }.joined(separator: ",\n"))
        lines += ["],", "\"name\": \(JSONValue.string(name)),", "\"room_id\": \(JSONValue.string(roomID.rawValue)),"]
        lines += ["\"room_version\": \(JSONValue.string(version.id)),", "\"states\": ["]
        lines.append(
            states.map { state in
                "\(JSONValue.array(state.sorted { $0.key < $1.key }.map { Self.json($0.key, $0.value) }))"
            }.joined(separator: ",\n"))
        lines += ["]", "}", ""]
        return lines.joined(separator: "\n")
    }

    /// Reads a fixture.
    package init(fixture: [UInt8]) throws {
        let root = try JSONValue.parse(fixture, limits: .stored)
        guard let name = root["name"]?.stringValue, let about = root["about"]?.stringValue,
            let version = root["room_version"]?.stringValue.flatMap({ RoomVersion.named($0) }),
            let roomID = root["room_id"]?.stringValue.flatMap({ RoomID($0) }),
            let pairs = root["events"]?.arrayValue, let states = root["states"]?.arrayValue,
            let expected = root["expected"]?.arrayValue
        else { throw RoomStoryError.malformedFixture }
        var events: [EventID: PDU] = [:]
        var order: [EventID] = []
        for pair in pairs {
            guard let parts = pair.arrayValue, parts.count == 2,
                let eventID = parts[0].stringValue.flatMap({ EventID($0) }),
                let object = parts[1].objectValue
            else { throw RoomStoryError.malformedFixture }
            events[eventID] = try PDU(draft: object, version: version)
            order.append(eventID)
        }
        func entries(_ list: JSONValue?) throws -> [(NaiveStateKey, EventID?)] {
            try (list?.arrayValue ?? []).map { item in
                guard let parts = item.arrayValue, parts.count == 3, let type = parts[0].stringValue,
                    let stateKey = parts[1].stringValue
                else { throw RoomStoryError.malformedFixture }
                return (NaiveStateKey(type, stateKey), parts[2].stringValue.flatMap { EventID($0) })
            }
        }
        self.name = name
        self.about = about
        self.version = version
        self.roomID = roomID
        self.events = events
        self.order = order
        self.states = try states.map { state in
            try entries(state).reduce(into: NaiveState()) { $0[$1.0] = $1.1 }
        }
        self.expected = try Dictionary(entries(.array(expected)), uniquingKeysWith: { first, _ in first })
    }

    private static func json(_ entry: NaiveStateKey, _ eventID: EventID?) -> JSONValue {
        .array([.string(entry.type), .string(entry.stateKey), eventID.map { .string($0.rawValue) } ?? .null])
    }
}

/// Why a story cannot be read or told.
package enum RoomStoryError: Error {
    case malformedFixture
    case badIdentifier
}
