import CanonicalJSON
import CommandHandling
import EndpointSupport
import HTTPFront
import Queries

/// `/pushers`.
extension ClientAPI {
    func addPushers(to table: inout EndpointTable) {
        table.read("/pushers", .user) { call in
            let pushers = try pusherQueries.pushers(of: try call.userID)
            return .json(["pushers": .array(pushers.map(JSONValue.object))])
        }
        table.perform(.post, "/pushers/set", .user) { call in
            try await push.setPusher(
                try call.body().object, allowsHTTP: settings.plainPushGatewaysAllowed, caller: call.caller)
            return .emptyObject
        }
    }
}
