internal import CanonicalJSON
internal import MatrixEvents
internal import MatrixIdentifiers
internal import RoomVersions

/// A state with the events to look it up in.
struct RoomView {
    let version: RoomVersion
    let state: NaiveState
    let events: [EventID: PDU]
    let create: PDU?

    func membership(of user: String) -> String? {
        state[NaiveStateKey("m.room.member", user)].flatMap { events[$0]?.content["membership"]?.stringValue }
    }

    /// What the current power levels say; nil when there are none.
    var powerLevels: JSONObject? {
        state[NaiveStateKey("m.room.power_levels")].flatMap { events[$0]?.content }
    }

    func level(of user: String) -> Int64 {
        let levels = PowerLevels(content: powerLevels, create: create, version: version)
        return UserID(user).map { levels.level(of: $0) } ?? 0
    }

    /// The users who must not stand in power levels (v12).
    var infiniteCreators: [String] {
        guard version.privilegedCreators, let create else { return [] }
        return RoomCreators(create: create, version: version).userIDs.map(\.rawValue)
    }
}
