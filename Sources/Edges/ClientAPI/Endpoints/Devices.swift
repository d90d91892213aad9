import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import Queries
import ReadModel

/// `/devices` and `/delete_devices`.
extension ClientAPI {
    func addDevices(to table: inout EndpointTable) {
        table.read("/devices", .guest) { call in
            let devices = try accountQueries.devices(try call.userID).map { JSONValue.object(Self.device($0)) }
            return .json(["devices": .array(devices)])
        }
        table.read("/devices/{deviceId}", .guest) { call in
            guard let row = try accountQueries.device(try call.userID, call["deviceId"]) else {
                throw Rejection.notFound("You have no such device.")
            }
            return .json(.object(Self.device(row)))
        }
        table.perform(.put, "/devices/{deviceId}", .guest) { call in
            let name = try call.body().optionalString("display_name")
            try await accounts.renameDevice(call["deviceId"], to: name, caller: call.caller)
            return .emptyObject
        }
        table.perform(.delete, "/devices/{deviceId}", .user) { call in
            let body = try call.optionalBody().object
            let deviceID = call["deviceId"]
            _ = try await interactive(call, "DELETE /devices/\(deviceID)").pass(body)
            let caller = try call.caller
            try await accounts.removeDevices([deviceID], of: caller.userID, caller: caller)
            return .emptyObject
        }
        table.perform(.post, "/delete_devices", .user) { call in
            let body = try call.body()
            // A client that comes with `auth` may leave out what it has said before.
            if body.value("auth") == nil || body.value("devices") != nil { _ = try body.strings("devices") }
            let passed = try await interactive(call, "POST /delete_devices").pass(body.object)
            let caller = try call.caller
            try await accounts.removeDevices(
                try Body(passed.request).strings("devices"), of: caller.userID, caller: caller)
            return .emptyObject
        }
    }

    private static func device(_ row: DeviceRow) -> JSONObject {
        var device: JSONObject = ["device_id": .string(row.deviceID)]
        if let name = row.displayName { device["display_name"] = .string(name) }
        if let ip = row.lastSeenIP { device["last_seen_ip"] = .string(ip) }
        if row.lastSeenMs > 0 { device["last_seen_ts"] = .integer(row.lastSeenMs) }
        return device
    }
}
