import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import MatrixIdentifiers
import Queries

/// `/_synapse/admin/v1/send_server_notice`: how administrators, and the tools made for Synapse, send notices.
extension ClientAPI {
    func addServerNotices(to table: inout EndpointTable) {
        let path = "/_synapse/admin/v1/send_server_notice"
        table.perform(.post, path, .user) { try await sendServerNotice($0, transactionID: nil) }
        table.perform(.put, path + "/{txnId}", .user) { call in
            try await sendServerNotice(call, transactionID: call["txnId"])
        }
    }

    private func sendServerNotice(_ call: Call, transactionID: String?) async throws -> HTTPResponse {
        guard try call.identity.isAdmin else { throw Rejection.forbidden("You are not a server admin") }
        let body = try call.body()
        guard let user = UserID(try body.string("user_id")) else {
            throw Rejection.invalidParam("user_id is not a user ID.")
        }
        guard let content = try body.optionalObject("content") else {
            throw Rejection.missingParam("content is missing.")
        }
        let type = try body.optionalString("type") ?? "m.room.message"
        let stateKey = try body.optionalString("state_key")
        guard let notices else { throw Rejection.unknown("Server notices are not enabled on this server") }
        guard user.isOn(environment.serverName) else {
            throw Rejection.unknown("Server notices can only be sent to local users")
        }
        let eventID = try await notices.send(
            to: user, type: type, stateKey: stateKey, content: try Body(content).eventContent,
            transactionID: transactionID, caller: call.caller)
        return Self.eventAnswer(eventID)
    }
}
