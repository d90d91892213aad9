import ReadModel

/// Up to where a client was told of each room, when at every moment only some rooms are in scope.
///
/// A room that stays in scope is told up to where the last answer reaches; one that dropped out, up to where it was then.
struct ScopeTrack: Sendable {
    private(set) var position: UInt64 = 0
    private(set) var scope: Set<RoomNum> = []
    private var left: [RoomNum: UInt64] = [:]

    /// Up to where the client knows the room; nil when it was never told of it.
    func since(_ room: RoomNum) -> UInt64? { scope.contains(room) ? position : left[room] }

    /// Whether the room was in scope in the last answer.
    func isLive(_ room: RoomNum) -> Bool { scope.contains(room) }

    /// An answer that reaches up to `position` tells of everything that is new in `rooms`.
    mutating func advance(to position: UInt64, scope rooms: Set<RoomNum>) {
        if rooms != scope {
            for room in scope where !rooms.contains(room) { left[room] = self.position }
            if !left.isEmpty { for room in rooms { left[room] = nil } }
            scope = rooms
        }
        self.position = position
    }

    var weight: Int { scope.count + left.count }
}
