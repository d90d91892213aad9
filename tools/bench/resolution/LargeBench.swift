import RoomVersions
import StateResolution

/// A full resolution of the size that Matrix HQ is known for: 359 snapshots, 108,480 state and 67,885 further auth events,
/// with a conflict in every single entry that can have one.
enum LargeBench {
    private static let snapshotCount = 359
    private static let userCount = 54_238
    private static let olderCount = 67_885

    static func run(_ version: RoomVersion) throws {
        var (room, state) = try GeneratedRoom.begin(version)
        // What was before: in no snapshot, only in the auth chains.
        try room.join(userCount - 1, to: &state)
        while room.stored.count < olderCount {
            let user = room.stored.count * 7_919 % userCount
            try room.setMembership(user, "join", by: user, to: &state)
        }
        var random = BenchRandom(word: 7)
        let base = try renew(&room, &state, banning: 0)
        let newest = try renew(&room, &state, banning: 40)
        // Each entry goes over to its newer event at some snapshot.
        var changes = [[StateDifference.Change]](repeating: [], count: snapshotCount)
        for (slot, event) in newest.sorted(by: { $0.key < $1.key }) where base[slot] != event {
            for snapshot in (1 + random.below(snapshotCount - 1))..<snapshotCount {
                changes[snapshot].append(StateDifference.Change(slot: slot, event: event))
            }
        }
        let stateEvents = Set(base.values).union(newest.values).count
        let input = ResolutionInput(base: DictionaryState(base), states: changes.map { StateDifference($0) })
        changes = []
        let before = Measurement.peakMemory()
        var resolved: ResolvedState?
        let time = try Measurement.milliseconds {
            resolved = try StateResolver.resolve(input, version: version, source: room.stored)
        }
        print(
            "large v\(version) snapshots=\(snapshotCount) state-events=\(stateEvents)",
            "other-auth-events=\(room.stored.count - stateEvents) changes=\(input.states.reduce(0) { $0 + $1.count })",
            "conflicted=\(resolved?.conflictedCount ?? 0) answer=\(resolved?.differenceFromNearest.count ?? 0)",
            "time=\(Measurement.rounded(time))ms peak=\(Measurement.peakMemory())MB before=\(before)MB")
    }

    /// A newer event for every entry but the create event and the join rules; each so many-th member is banned.
    private static func renew(
        _ room: inout GeneratedRoom, _ state: inout GeneratedRoom.State, banning: Int
    ) throws -> GeneratedRoom.State {
        try room.changeLevels(to: &state)
        for user in 0..<userCount {
            if banning > 0, user > 100, user % banning == 0 {
                try room.setMembership(user, "ban", by: 1 + user % GeneratedRoom.moderatorCount, to: &state)
            } else {
                try room.setMembership(user, "join", by: user, to: &state)
            }
            if user % 1_000 == 500 { try room.changeLevels(to: &state) }
        }
        return state
    }
}
