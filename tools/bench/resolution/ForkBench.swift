import RoomVersions
import StateResolution

/// Two extremities of a large room.
enum ForkBench {
    static func run(_ version: RoomVersion, roomSize: Int, difference: Int) throws {
        var (room, base) = try GeneratedRoom.begin(version)
        try room.join(roomSize - base.count, to: &base)
        var left = base
        var right = base
        try change(difference / 2, from: 0, of: &room, in: &left)
        try change(difference - difference / 2, from: 1, of: &room, in: &right)
        let states = [left, right].map { state in
            StateDifference(
                state.filter { base[$0.key] != $0.value }.map { StateDifference.Change(slot: $0.key, event: $0.value) })
        }
        let input = ResolutionInput(base: DictionaryState(base), states: states)
        let differing = Set(left.keys).union(right.keys).count { left[$0] != right[$0] }
        (left, right) = ([:], [:])
        let before = Measurement.peakMemory()
        var times: [Double] = []
        var resolved: ResolvedState?
        let reads = room.stored.reads
        for _ in 0..<5 {
            (reads.rows, reads.citations, reads.pdus) = (0, 0, 0)
            times.append(
                try Measurement.milliseconds {
                    resolved = try StateResolver.resolve(input, version: version, source: room.stored)
                })
        }
        guard let resolved else { return }
        print(
            "fork v\(version) state=\(base.count) events=\(room.stored.count) differing=\(differing)",
            "conflicted=\(resolved.conflictedCount) answer=\(resolved.differenceFromNearest.count)",
            "rows=\(reads.rows) citations=\(reads.citations)/\(room.stored.citationCount) pdus=\(reads.pdus)",
            "first=\(Measurement.rounded(times[0]))ms best=\(Measurement.rounded(times.min() ?? 0))ms",
            "peak=\(Measurement.peakMemory())MB before=\(before)MB")
    }

    /// Changes entries of one side: names, leavings, bans, newcomers, and the oldest moderators, topic and power levels.
    private static func change(
        _ count: Int, from side: Int, of room: inout GeneratedRoom, in state: inout GeneratedRoom.State
    ) throws {
        // The creator on one side, a moderator on the other: their old memberships carry half of the room.
        try room.setMembership(side, "join", by: side, to: &state)
        try room.changeLevels(to: &state)
        try room.setTopic(by: 1 + side, to: &state)
        let stride = max(2, (room.memberCount - 100) / max(1, count) / 2 * 2)
        for index in 0..<max(0, count - 2) {
            let user = 100 + (index * stride + side) % (room.memberCount - 100)
            switch index % 20 {
            case 0: try room.setMembership(user, "ban", by: 1 + index % GeneratedRoom.moderatorCount, to: &state)
            case 1: try room.setMembership(user, "leave", by: 2, to: &state)
            case 2, 3: try room.setMembership(user, "leave", by: user, to: &state)
            case 4...7:
                let newcomer = 1_000_000 + index * 2 + side
                try room.setMembership(newcomer, "join", by: newcomer, to: &state)
            default: try room.setMembership(user, "join", by: user, to: &state)
            }
        }
    }
}
