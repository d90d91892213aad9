package import CanonicalJSON
import Decisions
import EventLog
import LogEvents
import MatrixIdentifiers
import Queries
import ReadModel

extension KeyCommands {
    /// Stores a device that nobody uses yet, in place of the one before, with its keys (MSC3814).
    package func setDehydratedDevice(_ body: JSONObject, caller: Caller) async throws -> String {
        guard let deviceID = body["device_id"]?.stringValue else {
            throw body["device_id"] == nil
                ? Rejection.missingParam("device_id is missing.") : Rejection.badJSON("device_id must be a string.")
        }
        guard DeviceID(deviceID) != nil, !deviceID.isEmpty else {
            throw Rejection.invalidParam("A device ID may have at most 255 bytes, and no NUL.")
        }
        guard let data = body["device_data"] else { throw Rejection.missingParam("device_data is missing.") }
        guard data.objectValue != nil else { throw Rejection.badJSON("device_data must be an object.") }
        guard data["algorithm"]?.stringValue != nil else {
            throw Rejection.missingParam("device_data.algorithm is missing.")
        }
        guard data.canonicalBytes().count <= 1 << 20 else { throw Rejection.tooLarge("device_data is too large.") }
        guard let keys = body["device_keys"], !keys.isNull else {
            throw Rejection.missingParam("device_keys is missing.")
        }
        let name = body["initial_device_display_name"]
        guard name == nil || name?.isNull == true || name?.stringValue != nil else {
            throw Rejection.badJSON("initial_device_display_name must be a string.")
        }
        if let name = name?.stringValue { try AccountCommands.checkDeviceName(name) }
        let user = caller.userID
        let upload = try KeyUpload(body: body, userID: user.rawValue, deviceID: deviceID)
        return try await turns.run("dehydrated \(user)") {
            try await retrying {
                let old = try queries.dehydratedDevice(of: user)?.deviceID
                let isReplaced = old?.utf8.elementsEqual(deviceID.utf8) == true
                let isTaken = try queries.deviceIDs(of: user).contains { $0.utf8.elementsEqual(deviceID.utf8) }
                guard isReplaced || !isTaken else { throw Rejection.invalidParam("The device ID is in use.") }
                let stream = AccountCommands.stream(of: user)
                var records: [NewRecord] = []
                if let old, !isReplaced {
                    records.append(record(DevicesRemoved(userID: user.rawValue, deviceIDs: [old]), stream, caller))
                }
                let fact = DehydratedDeviceSet(
                    userID: user.rawValue, deviceID: deviceID, displayName: name?.stringValue, deviceData: data)
                records.append(record(fact, stream, caller))
                let (uploads, expected) = try self.records(
                    of: upload, deviceID: deviceID, isNew: true, caller: caller)
                try await append(records + uploads, expected: expected)
                return deviceID
            }
        }
    }

    /// Removes the dehydrated device with its keys and messages.
    package func removeDehydratedDevice(caller: Caller) async throws -> String {
        let user = caller.userID
        return try await turns.run("dehydrated \(user)") {
            guard let row = try queries.dehydratedDevice(of: user) else {
                throw Rejection.notFound("No dehydrated device available")
            }
            let stream = AccountCommands.stream(of: user)
            try await append([
                record(DehydratedDeviceRemoved(userID: user.rawValue, deviceID: row.deviceID), stream, caller),
                record(DevicesRemoved(userID: user.rawValue, deviceIDs: [row.deviceID]), stream, caller),
            ])
            return row.deviceID
        }
    }
}
