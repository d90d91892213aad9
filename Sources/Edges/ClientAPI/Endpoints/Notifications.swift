import CanonicalJSON
import Decisions
import HTTPFront
import Queries

/// `/notifications`.
extension ClientAPI {
    func addNotifications(to table: inout EndpointTable) {
        table.read("/notifications", .user) { call in
            let from = try call.query("from").flatMap { text -> UInt64? in
                if text.isEmpty { return nil }
                guard let position = UInt64(text) else { throw Rejection.invalidParam("from is no token.") }
                return position
            }
            let limit = try call.countQuery("limit") ?? 50
            // Synapse takes anything that contains the word; the specification knows one value.
            let only = call.query("only").map { $0.contains("highlight") } ?? false
            return .json(
                try notificationQueries.page(
                    NotificationRequest(
                        asker: try call.asker, before: from, limit: max(1, min(limit, 500)), onlyHighlights: only)))
        }
    }
}
