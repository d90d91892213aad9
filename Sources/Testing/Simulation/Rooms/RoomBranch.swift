internal import MatrixIdentifiers

/// One end of a room's history, with the state after it.
struct RoomBranch {
    var state: NaiveState
    var heads: [EventID]
    var depth: Int64
}
