import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront

/// `/receipt` and `/read_markers`.
extension ClientAPI {
    func addReceipts(to table: inout EndpointTable) {
        table.perform(.post, "/rooms/{roomId}/receipt/{receiptType}/{eventId}", .user) { call in
            let body = try call.optionalBody()
            var threadID: String?
            if let value = body.value("thread_id") {
                // "M_INVALID_PARAM: thread_id is not a non-empty string"
                guard let text = value.stringValue, !text.isEmpty, text.utf8.count <= 255 else {
                    throw Rejection.invalidParam("thread_id field must be a non-empty string")
                }
                threadID = text
            }
            try await rooms.setReceipt(
                room: call.room,
                type: call["receiptType"],
                eventID: call.eventID,
                threadID: threadID,
                caller: call.caller
            )
            return .emptyObject
        }
        table.perform(.post, "/rooms/{roomId}/read_markers", .user) { call in
            try await rooms.setReadMarkers(room: call.room, body: try call.optionalBody().object, caller: call.caller)
            return .emptyObject
        }
    }
}
