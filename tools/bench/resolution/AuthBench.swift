import CanonicalJSON
import EventAuthorization
import MatrixEvents
import MatrixIdentifiers
import RoomVersions
import StateResolution

/// The auth check of one ordinary message in a room with fifty users in its power levels.
enum AuthBench {
    /// A state whose power levels are parsed once, as a lane has it.
    private struct LaneState: AuthStateReader {
        let state: DictionaryAuthState
        let powerLevels: PowerLevels?

        func authEvent(type: String, stateKey: String) -> PDU? { state.authEvent(type: type, stateKey: stateKey) }
    }

    static func run() throws {
        for version in [RoomVersion.v11, .v12] {
            var (room, entries) = try GeneratedRoom.begin(version)
            try room.join(60, to: &entries)
            let state = DictionaryAuthState(try entries.values.map(room.stored.pdu(of:)))
            guard let create = state.authEvent(type: "m.room.create", stateKey: "") else { return }
            let levels = PowerLevels(
                content: state.authEvent(type: "m.room.power_levels", stateKey: "")?.content, create: create,
                version: version)
            let sample = try room.stored.pdu(of: EventNumber(UInt32(room.stored.count - 1)))
            var object = sample.object
            object.removeValue(forKey: "state_key")
            object["type"] = "m.room.message"
            object["content"] = ["body": "hello", "msgtype": "m.text"]
            let message = try PDU(object: object, version: version)
            let eventID = try EventID(parsing: "$message")
            let createID = try room.stored.eventID(of: EventNumber(0))
            let roomID = version.roomIDIsCreateHash ? RoomID(createEventID: createID) : sample.roomID
            guard let roomID else { return }
            let lane = LaneState(state: state, powerLevels: levels)
            try measure("auth v\(version) message, levels parsed once") {
                try EventAuthorizer.check(
                    message, eventID: eventID, roomID: roomID, version: version, state: lane, createEventID: createID)
            }
            try measure("auth v\(version) message, levels parsed each time") {
                try EventAuthorizer.check(
                    message, eventID: eventID, roomID: roomID, version: version, state: state, createEventID: createID)
            }
        }
    }

    private static func measure(_ name: String, _ check: () throws -> Void) throws {
        let count = 100_000
        var best = Double.infinity
        for _ in 0..<5 {
            best = min(best, try Measurement.milliseconds { for _ in 0..<count { try check() } })
        }
        print("\(name): \(Measurement.rounded(best * 1_000 / Double(count)))µs")
    }
}
