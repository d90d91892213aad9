package import CanonicalJSON
package import MatrixIdentifiers

/// An event as a client asked for it, before the room gives it its place.
package struct EventDraft: Sendable, Hashable {
    package var type: String
    /// Present for state events, also when empty.
    package var stateKey: String?
    package var content: JSONObject
    package var sender: UserID
    /// The event that a redaction names.
    package var redacts: EventID?
    /// Wall time in milliseconds since 1970.
    package var originServerTS: Int64

    package init(
        type: String,
        stateKey: String? = nil,
        content: JSONObject,
        sender: UserID,
        redacts: EventID? = nil,
        originServerTS: Int64
    ) {
        self.type = type
        self.stateKey = stateKey
        self.content = content
        self.sender = sender
        self.redacts = redacts
        self.originServerTS = originServerTS
    }
}
