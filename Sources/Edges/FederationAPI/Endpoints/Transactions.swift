import CanonicalJSON
import EndpointSupport
import FederationCommands
import HTTPFront
import MatrixIdentifiers

/// `/send`.
extension FederationAPI {
    func addTransactions(to table: inout FederationTable) {
        // 50 PDUs of 64 KiB each, and 100 EDUs, of which one may carry messages to many devices.
        table.signed(.put, "/_matrix/federation/v1/send/{txnId}", maxBodyBytes: 16 << 20) { call in
            let origin = try call.origin
            let body = try call.body().object
            // "The `server_name` of the homeserver sending this transaction."
            if let said = body["origin"]?.stringValue, said != origin.rawValue {
                throw MatrixError(
                    status: 403, errcode: "M_FORBIDDEN",
                    message: "The transaction is of another server than the request.")
            }
            return .json(
                .object(
                    try await transactions.take(
                        body, id: call["txnId"], from: origin, requestID: call.request.requestID)))
        }
    }
}
