import EventLog
import KeyValueStore
import ProjectionEngine
import ReadModel

/// Keeps the backward extremities of a room: events of the timeline whose `prev_events` are not known.
struct TimelineGaps {
    let room: RoomNum
    let position: LogPosition
    let batch: BatchContext

    /// Notes which events the record's event follows without anybody knowing them.
    ///
    /// - Parameter head: the room's head before the record.
    /// - Returns: how many there are.
    func open(by pdu: DecodedPDU, after head: RoomHead?, _ transaction: borrowing WriteTransaction) throws -> UInt64 {
        var seen: [String] = []
        for eventID in pdu.prevEvents {
            // Most events follow the forward extremities, and those are known.
            if head?.forwardExtremities.contains(where: { $0.hasSameBytes(as: eventID) }) == true { continue }
            if seen.contains(where: { $0.hasSameBytes(as: eventID) }) { continue }
            let known = try batch.position(of: eventID, before: position, transaction)
            if known != LogPosition.none, let row = try transaction.eventRow(batch.tables, known), row.room == room,
                !row.flags.contains(.outlier)
            {
                continue
            }
            seen.append(eventID)
            let key = ViewKeys.timelineGaps(room, missing: eventID).appending(position.rawValue)
            try transaction.put(batch.tables.timelineGaps, key, Array(eventID.utf8))
        }
        return UInt64(seen.count)
    }

    /// The record's event is known now.
    ///
    /// - Returns: how often it was missing.
    func close(by pdu: DecodedPDU, _ transaction: borrowing WriteTransaction) throws -> UInt64 {
        let followers = try transaction.followers(batch.tables, room, ofMissing: pdu.eventID)
        for follower in followers {
            let key = ViewKeys.timelineGaps(room, missing: pdu.eventID).appending(follower.rawValue)
            try transaction.delete(batch.tables.timelineGaps, key)
        }
        return UInt64(followers.count)
    }
}
