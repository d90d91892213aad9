import CanonicalJSON
import EventLog
import KeyValueStore
import MatrixEvents
import ReadModel
import RoomVersions

extension EventRenderer {
    /// What is left of an event for one who came too late: "Erasure means that any users (or servers) which join the room
    /// after the erasure request are served redacted copies of the events sent by this account. Users which had visibility
    /// on those events prior to the erasure are still able to see unredacted copies."
    ///
    /// An account leaves its rooms when it is closed: who came before that has seen its events.
    ///
    /// - Parameter membership: the asker's at the event.
    /// - Returns: the client event, open; nil when all of it is shown.
    func remainder(of event: EventRow, _ membership: StoredMembership?, _ sight: RoomSight) throws -> [UInt8]? {
        guard let membership, membership != .join, event.sender != user,
            try snapshot.account(event.sender)?.isErased == true
        else { return nil }
        if let own = sight.row, !own.joinedAt.isNone,
            let theirs = try snapshot.membership(of: event.sender, in: event.room), own.joinedAt <= theirs.leftAt
        {
            return nil
        }
        guard let head = try snapshot.head(of: event.room), let version = RoomVersion.named(head.roomVersion),
            let whole = try JSONObject.parse(Array(event.clientJSON) + [UInt8(ascii: "}")], limits: .renderedEvent)
        else { throw ViewDamage.missingHead(room: event.room) }
        return Redaction.redacted(whole, version: version).canonicalBytes().dropLast()
    }
}
