package import CanonicalJSON
package import MatrixIdentifiers

/// An ephemeral data unit: "they do not have an ID, a room ID, or a list of 'previous' IDs."
package struct EDU: Sendable {
    /// "Must not include more than 100 EDUs", of a transaction.
    package static let maximumInTransaction = 100

    package let type: String
    package let content: JSONObject

    package init(type: String, content: JSONObject) {
        self.type = type
        self.content = content
    }

    /// Reads an element of `edus`; nil when it has not the two members that every EDU has.
    package init?(_ value: JSONValue) {
        guard let type = value["edu_type"]?.stringValue, let content = value["content"]?.objectValue else { return nil }
        self.init(type: type, content: content)
    }

    /// The EDU as servers exchange it.
    package var object: JSONObject { ["content": .object(content), "edu_type": .string(type)] }

    /// What is left of the EDU when the sending server is denied access to some rooms; nil when nothing is.
    ///
    /// "ACLs MUST be applied to all EDUs that are local to a specific room".
    package func keepingRooms(where permits: (RoomID) throws -> Bool) rethrows -> EDU? {
        switch type {
        case "m.typing":
            // "For typing notifications (`m.typing`), if the sending server is denied access to the room identified by
            // `room_id`, the EDU MUST be ignored."
            guard let room = content["room_id"]?.stringValue.flatMap({ RoomID($0) }), try permits(room) else {
                return nil
            }
            return self
        case "m.receipt":
            // "For receipts (`m.receipt`), all receipts for a particular room ID MUST be ignored if the sending server is
            // denied access to the room identified by that ID."
            let kept = try content.filter { key, _ in try RoomID(key).map(permits) ?? false }
            return kept.isEmpty ? nil : EDU(type: type, content: kept)
        default:
            return self
        }
    }
}
