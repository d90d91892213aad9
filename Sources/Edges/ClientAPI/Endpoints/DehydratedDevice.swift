import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import EventLog
import HTTPFront
import Queries
import ReadModel

/// `/dehydrated_device` of MSC3814: a device that receives keys while nobody is logged in.
extension ClientAPI {
    func addDehydratedDevice(to table: inout EndpointTable) {
        let path = "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device"
        table.perform(.put, path, .user) { call in
            let deviceID = try await keys.setDehydratedDevice(try call.body().object, caller: call.caller)
            return .json(["device_id": .string(deviceID)])
        }
        table.read(path, .user) { call in
            guard let row = try keys.queries.dehydratedDevice(of: try call.userID) else {
                throw Rejection.notFound("No dehydrated device available")
            }
            return .json([
                "device_id": .string(row.deviceID), "device_data": try JSONValue.parse(row.dataJSON),
            ])
        }
        table.perform(.delete, path, .user) { call in
            .json(["device_id": .string(try await keys.removeDehydratedDevice(caller: call.caller))])
        }
        table.read(.post, "\(path)/{deviceId}/events", .user) { try dehydratedEvents($0) }
    }

    /// A page of the messages to the dehydrated device; they stay until the device is removed.
    private func dehydratedEvents(_ call: Call) throws -> HTTPResponse {
        let next = try call.optionalBody().optionalString("next_batch")
        let identity = try call.identity
        guard let row = try keys.queries.dehydratedDevice(of: identity.userID),
            row.deviceID.utf8.elementsEqual(call["deviceId"].utf8)
        else { throw Rejection.forbidden("There is no such dehydrated device.") }
        let after = try next.map { try SyncToken(parsing: $0) }
        let asker = try call.asker
        guard after.map({ $0.epoch == asker.epoch }) ?? true else {
            throw Rejection(400, "M_UNKNOWN_POS", "The token is from before this server was restored from a backup.")
        }
        let page = try keys.toDevice.page(
            identity.userNum, row.deviceID, after: .init(rawValue: after?.position ?? 0))
        var writer = JSONWriter(capacity: page.events.reduce(128) { $0 + $1.count })
        writer.beginObject()
        writer.key("events")
        writer.beginArray()
        for event in page.events { writer.raw(event) }
        writer.endArray()
        writer.field("next_batch", SyncToken(epoch: asker.epoch, position: page.upTo.rawValue).description)
        writer.endObject()
        return .json(writer.bytes)
    }
}
