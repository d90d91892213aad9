import CanonicalJSON
import EventLog
import KeyValueStore
package import MatrixIdentifiers
package import ReadModel

/// A room's state as its members, and those who were, may read it.
package struct StateQueries: Sendable {
    package let views: Views

    package init(views: Views) {
        self.views = views
    }

    /// `GET /rooms/{roomId}/state`: "the state events for the current state of a room", or of when the asker left.
    package func state(room: RoomID, by asker: Asker) throws -> [UInt8] {
        try views.snapshot { snapshot in
            let access = try RoomAccess(snapshot, room, user: asker.identity.userNum)
            let holders = try access.state(snapshot)
            var sight = RoomSight(snapshot, room: access.room, user: asker.identity.userNum, row: access.row)
            var writer = JSONWriter(capacity: holders.count * 512 + 64)
            try Self.append(holders, asker: asker, sight: &sight, to: &writer)
            return writer.bytes
        }
    }

    /// `GET /rooms/{roomId}/state/{eventType}/{stateKey}`: the content of one entry, or the whole event.
    package func state(
        room: RoomID, type: String, stateKey: String, asEvent: Bool, by asker: Asker
    ) throws -> [UInt8] {
        try views.snapshot { snapshot in
            let access = try RoomAccess(snapshot, room, user: asker.identity.userNum)
            guard let slot = try snapshot.slot(type, stateKey),
                let holder = access.head.lastStatePosition <= access.upTo
                    ? try snapshot.currentHolder(access.room, slot)
                    : try snapshot.holder(access.room, slot, asOf: access.upTo)
            else { throw QueryRefusal.notFound("The room has no state of this type and key.") }
            let event = try snapshot.event(at: holder)
            guard asEvent else { return Array(ClientEventSlices(event.clientJSON).content) }
            var sight = RoomSight(snapshot, room: access.room, user: asker.identity.userNum, row: access.row)
            let membership = try sight.judge(event, at: holder).membership
            var writer = JSONWriter(capacity: event.clientJSON.count + 512)
            try EventRenderer(snapshot, asker: asker).append(
                event, roomID: snapshot.text(access.room), membership: membership, sight: &sight, to: &writer)
            return writer.bytes
        }
    }

    /// Appends an array of full client events.
    static func append(
        _ holders: [LogPosition], asker: Asker, sight: inout RoomSight, to writer: inout JSONWriter
    ) throws {
        let snapshot = sight.snapshot
        let renderer = EventRenderer(snapshot, asker: asker)
        let roomID = try snapshot.text(sight.room)
        writer.beginArray()
        for holder in holders {
            let event = try snapshot.event(at: holder)
            let membership = try sight.judge(event, at: holder).membership
            try renderer.append(event, roomID: roomID, membership: membership, sight: &sight, to: &writer)
        }
        writer.endArray()
    }
}
