package import CanonicalJSON
package import EventLog
package import MatrixIdentifiers
package import ReadModel

/// An event as the views keep it, copied out of the store.
package struct StoredEvent: Sendable, Hashable {
    package let position: LogPosition
    package let roomID: RoomID
    package let eventID: EventID
    package let sender: UserID
    package let type: String
    /// Nil for an event that is no state event.
    package let stateKey: String?
    package let fields: EventRow.Fields
    /// The client event, open: see ``EventRow/clientJSON``.
    package let clientJSON: [UInt8]
    private let contentOffset: Int

    package var originServerTS: Int64 { fields.originServerTS }
    package var isRedacted: Bool { fields.flags.contains(.redacted) }
    package var isAccepted: Bool { fields.flags.isDisjoint(with: [.rejected, .softFailed]) }

    init(_ snapshot: Snapshot, _ row: EventRow, at position: LogPosition) throws {
        let slices = ClientEventSlices(row.clientJSON)
        self.position = position
        roomID = try snapshot.roomID(row.room)
        eventID = try EventID(parsing: ClientEventSlices.text(slices.eventID))
        sender = try UserID(parsing: ClientEventSlices.text(slices.sender))
        type = ClientEventSlices.text(slices.type)
        stateKey = slices.stateKey.map(ClientEventSlices.text)
        fields = row.fields
        clientJSON = Array(row.clientJSON)
        contentOffset = row.clientJSON.count - slices.content.count
    }

    /// The rendered content object.
    package var contentJSON: ArraySlice<UInt8> { clientJSON[contentOffset...] }

    /// The content, parsed; after a redaction what the redaction left of it.
    package func content() throws(JSONError) -> JSONObject {
        try JSONObject.parse(Array(contentJSON), limits: .renderedEvent) ?? JSONObject()
    }
}
