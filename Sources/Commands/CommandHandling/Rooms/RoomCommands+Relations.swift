import CanonicalJSON
import Decisions
import MatrixIdentifiers
import Queries

extension RoomCommands {
    /// What a client may not send although the room's rules would allow it.
    func checkRelation(of content: JSONObject, type: String, room: RoomID, caller: Caller) throws {
        guard let relatesTo = content["m.relates_to"], let relType = relatesTo["rel_type"]?.stringValue,
            let parent = relatesTo["event_id"]?.stringValue.flatMap(EventID.init)
        else { return }
        let relations = RelationQueries(views: environment.views)
        switch relType {
        case "m.thread":
            // "If the client attempts to target an event which itself has an m.relates_to property, then it should receive a
            // HTTP 400 error response".
            if try relations.isChild(parent) {
                throw Rejection(400, "M_UNKNOWN", "A thread cannot start at an event that relates to another.")
            }
        case "m.annotation":
            // "M_DUPLICATE_ANNOTATION: The request is an attempt to send a duplicate annotation."
            guard let key = relatesTo["key"]?.stringValue else { return }
            if try relations.hasAnnotation(of: parent, in: room, by: caller.userID, type: type, key: key) {
                throw Rejection(400, "M_DUPLICATE_ANNOTATION", "You have sent this annotation already.")
            }
        default: return
        }
    }
}
