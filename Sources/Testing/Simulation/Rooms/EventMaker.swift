package import CanonicalJSON
internal import EventSigning
package import MatrixEvents
package import MatrixIdentifiers
package import RoomVersions

/// Makes events of one room in the format of its version, unsigned.
package struct EventMaker: Sendable {
    package let version: RoomVersion
    /// Nil until a room whose ID is the hash of its create event has one.
    package var roomID: RoomID?

    package init(version: RoomVersion, roomID: RoomID?) {
        self.version = version
        self.roomID = roomID
    }

    /// What an event says besides its room.
    package struct Draft: Sendable {
        package var type: String
        package var stateKey: String?
        package var sender: String
        package var content: JSONObject

        package init(_ type: String, _ stateKey: String?, by sender: String, _ content: JSONObject = [:]) {
            self.type = type
            self.stateKey = stateKey
            self.sender = sender
            self.content = content
        }
    }

    /// Where an event stands in the graph.
    package struct Place: Sendable {
        package var prevEvents: [EventID]
        package var authEvents: [EventID]
        package var depth: Int64
        package var time: Int64

        package init(prevEvents: [EventID], authEvents: [EventID], depth: Int64, time: Int64) {
            self.prevEvents = prevEvents
            self.authEvents = authEvents
            self.depth = depth
            self.time = time
        }
    }

    /// The event as an object; `eventID` is written where the version has it in the event.
    package func object(_ draft: Draft, at place: Place, eventID: EventID) -> JSONObject {
        var object: JSONObject = [
            "auth_events": .array(place.authEvents.map(link)), "content": .object(draft.content),
            "depth": .integer(place.depth), "origin_server_ts": .integer(place.time),
            "prev_events": .array(place.prevEvents.map(link)), "sender": .string(draft.sender),
            "type": .string(draft.type),
        ]
        if let stateKey = draft.stateKey { object["state_key"] = .string(stateKey) }
        if let roomID, !(version.roomIDIsCreateHash && draft.type == "m.room.create") {
            object["room_id"] = .string(roomID.rawValue)
        }
        if version.eventIDFormat == .opaque { object["event_id"] = .string(eventID.rawValue) }
        return object
    }

    /// The event as a PDU.
    package func pdu(_ draft: Draft, at place: Place, eventID: EventID) throws(PDUError) -> PDU {
        try PDU(draft: object(draft, at: place, eventID: eventID), version: version)
    }

    /// The event with the ID that its version gives it; `opaque` is used where the sender may choose.
    package func identified(_ draft: Draft, at place: Place, opaque: EventID) throws -> (eventID: EventID, pdu: PDU) {
        var object = object(draft, at: place, eventID: opaque)
        object["hashes"] = .object(["sha256": .string(ContentHash.compute(object))])
        let eventID = try ReferenceHash.eventID(of: object, version: version)
        return (eventID, try PDU(draft: object, version: version))
    }

    private func link(_ eventID: EventID) -> JSONValue {
        guard version.eventIDFormat == .opaque else { return .string(eventID.rawValue) }
        return .array([.string(eventID.rawValue), .object(["sha256": "AA"])])
    }
}
