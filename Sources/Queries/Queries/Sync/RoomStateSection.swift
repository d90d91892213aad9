import CanonicalJSON
import EventLog
import KeyValueStore
import ReadModel

/// The `state` or `state_after` of a room, with lazily loaded members.
struct RoomStateSection {
    let context: SyncContext

    /// What the rest of the room's answer says that the state depends on.
    struct Surroundings {
        let head: RoomHead
        /// All state, not only what changed.
        let isFull: Bool
        /// The state to build on was known up to here.
        let since: LogPosition
        /// Just before the first event of the timeline.
        let beforeTimeline: LogPosition
        /// Just after the last one.
        let end: LogPosition
        /// There may be state between `since` and the timeline.
        let hasGap: Bool
        /// The events of the timeline.
        let timeline: Set<LogPosition>
        let senders: Set<UserNum>
        let heroes: [UserNum]
        /// The first event of the timeline, when it is the join with which the room's whole state came.
        var adoption: LogPosition?
        /// The user's own member event that came after leaving, which `state_after` must have too.
        var ownLaterEvent: LogPosition?
    }

    /// Appends the section and answers how many events it has.
    func append(_ around: Surroundings, sight: inout RoomSight, to writer: inout JSONWriter) throws -> Int {
        let useStateAfter = context.request.useStateAfter
        let position = useStateAfter ? around.end : around.adoption ?? around.beforeTimeline
        var holders: [LogPosition]
        if around.isFull, !useStateAfter, let adoption = around.adoption {
            let snapshot = context.snapshot
            let before = try snapshot.snapshot(snapshot.tables, sight.room, before: adoption)
            holders = try snapshot.entries(snapshot.tables, before).values.sorted()
        } else if around.isFull {
            holders = try context.snapshot.state(of: sight.room, at: position)
        } else if useStateAfter || around.hasGap {
            holders = try context.snapshot.stateChanges(in: sight.room, after: around.since, upTo: position)
        } else {
            holders = []
        }
        if !useStateAfter { try addResolved(to: &holders, around, room: sight.room) }
        if context.filter.lazyLoadMembers {
            holders = try lazily(holders, around, at: position, room: sight.room)
        }
        if !useStateAfter, around.adoption != nil { holders.removeAll { around.timeline.contains($0) } }
        if useStateAfter, let own = around.ownLaterEvent { holders = holders.filter { $0 != own } + [own] }
        writer.key(useStateAfter ? "state_after" : "state")
        writer.splice("{\"events\":[")
        var count = 0
        let filter = context.filter.state
        if try filter.allowsEveryEvent || filter.allows(room: context.snapshot.text(sight.room)) {
            for holder in holders {
                let event = try context.snapshot.event(at: holder)
                guard filter.allowsEveryEvent || filter.allows(ClientEventSlices(event.clientJSON)) else { continue }
                let membership = try sight.judge(event, at: holder).membership
                try context.renderer.append(event, membership: membership, sight: &sight, to: &writer)
                count += 1
            }
        }
        writer.splice("]}")
        return count
    }

    /// Adds what resolving the room's forks changed while the timeline went on, which none of its events tells.
    ///
    /// "`state`: Updates to the state, between the time indicated by the `since` parameter, and the start of the `timeline`": a
    /// client that is told of such an entry before the timeline has it after the timeline too, unless an event of the
    /// timeline sets the entry; only `state_after` can tell that.
    private func addResolved(to holders: inout [LogPosition], _ around: Surroundings, room: RoomNum) throws {
        let snapshot = context.snapshot
        let resolved = try snapshot.resolvedChanges(
            in: room, after: around.isFull ? around.adoption ?? around.beforeTimeline : around.since,
            upTo: around.end)
        guard !resolved.isEmpty else { return }
        holders = try holders.filter { resolved[try snapshot.event(at: $0).slot] == nil }
        holders += resolved.values.filter { !$0.isNone && !around.timeline.contains($0) }
        holders.sort()
    }

    /// Leaves out the members whom nothing in the answer concerns, and adds those whom something does.
    ///
    /// "servers MUST include the syncing user's own membership event when they join a room, or when the full state of rooms
    /// is requested". "When a sync is `limited`, the server MUST return membership events for events in the gap …
    /// regardless as to whether or not they are redundant": these are among the changes already.
    private func lazily(
        _ holders: [LogPosition], _ around: Surroundings, at position: LogPosition, room: RoomNum
    ) throws -> [LogPosition] {
        let snapshot = context.snapshot
        var users = around.senders
        users.formUnion(around.heroes)
        if around.isFull { users.insert(context.user) }
        var wanted = users.sorted()
        if !around.isFull, !context.filter.includeRedundantMembers {
            wanted = context.sentMembers.missing(
                wanted, room: room, for: context.device, since: context.since.rawValue)
        }
        context.sentMembers.record(wanted, room: room, for: context.device, token: context.upTo.rawValue)
        let members = try snapshot.members(wanted, of: room, asOf: position)
        if around.isFull {
            let others = try holders.filter { try snapshot.event(at: $0).membership == .none }
            return (others + members).sorted()
        }
        return Set(holders).union(members).sorted()
    }
}
