import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront

/// `/sendToDevice`.
extension ClientAPI {
    func addToDevice(to table: inout EndpointTable) {
        table.perform(.put, "/sendToDevice/{eventType}/{txnId}", .guest) { call in
            let type = call["eventType"]
            guard !type.isEmpty, type.utf8.count <= 255 else {
                throw Rejection.invalidParam("The event type must have 1 to 255 bytes.")
            }
            guard call["txnId"].utf8.count <= 1024 else {
                throw Rejection.invalidParam("The transaction ID is too long.")
            }
            let request = try ToDeviceRequest(body: try call.body().object)
            try await keys.send(request, type: type, transactionID: call["txnId"], caller: call.caller)
            return .emptyObject
        }
    }
}
