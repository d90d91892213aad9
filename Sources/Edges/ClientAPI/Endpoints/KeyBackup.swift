import CanonicalJSON
import CommandHandling
import Decisions
import EndpointSupport
import HTTPFront
import Queries
import ReadModel

/// `/room_keys`: backups of session keys.
extension ClientAPI {
    func addKeyBackup(to table: inout EndpointTable) {
        addBackupVersions(to: &table)
        for path in ["/room_keys/keys", "/room_keys/keys/{roomId}", "/room_keys/keys/{roomId}/{sessionId}"] {
            let names = (
                room: path.contains("{roomId}") ? "roomId" : nil,
                session: path.contains("{sessionId}") ? "sessionId" : nil
            )
            table.perform(.put, path, .user) { call in
                if names.room != nil { _ = try call.room }
                let rooms = try Self.rooms(
                    try call.body(), names.room.map { call[$0] }, names.session.map { call[$0] })
                let version = try Self.version(call)
                return Self.answer(try await keys.storeKeys(rooms, version: version, caller: call.caller))
            }
            table.read(path, .user) { call in
                if names.room != nil { _ = try call.room }
                return try backedUpKeys(call, names.room.map { call[$0] }, names.session.map { call[$0] })
            }
            table.perform(.delete, path, .user) { call in
                if names.room != nil { _ = try call.room }
                return Self.answer(
                    try await keys.removeKeys(
                        room: names.room.map { call[$0] }, session: names.session.map { call[$0] },
                        version: try Self.version(call), caller: call.caller))
            }
        }
    }

    private static func version(_ call: Call) throws -> String {
        guard let version = call.query("version") else { throw Rejection.missingParam("version is missing.") }
        return version
    }

    private static func answer(_ state: KeyCommands.BackupState) -> HTTPResponse {
        .json(["count": .integer(Int64(clamping: state.count)), "etag": .string(String(state.etag))])
    }

    // MARK: Versions

    private func addBackupVersions(to table: inout EndpointTable) {
        table.perform(.post, "/room_keys/version", .user) { call in
            let (algorithm, authData) = try Self.backup(try call.body())
            let version = try await keys.createBackup(algorithm: algorithm, authData: authData, caller: call.caller)
            return .json(["version": .string(version)])
        }
        table.read("/room_keys/version", .user) { call in try backupInformation(nil, call) }
        table.read("/room_keys/version/{backup}", .user) { call in try backupInformation(call["backup"], call) }
        table.perform(.put, "/room_keys/version/{backup}", .user) { call in
            let body = try call.body()
            let (algorithm, authData) = try Self.backup(body)
            // "The backup version. If present, must be the same as the version in the path parameter."
            if let version = try body.optionalString("version"), version != call["backup"] {
                throw Rejection.invalidParam("Version in body does not match")
            }
            try await keys.changeBackup(
                call["backup"], algorithm: algorithm, authData: authData, caller: call.caller)
            return .emptyObject
        }
        table.perform(.delete, "/room_keys/version/{backup}", .user) { call in
            try await keys.deleteBackup(call["backup"], caller: call.caller)
            return .emptyObject
        }
    }

    private static func backup(_ body: Body) throws -> (algorithm: String, authData: JSONObject) {
        let algorithm = try body.string("algorithm")
        guard let authData = try body.optionalObject("auth_data") else {
            throw Rejection.missingParam("auth_data is missing.")
        }
        return (algorithm, authData)
    }

    private func backupInformation(_ version: String?, _ call: Call) throws -> HTTPResponse {
        let (number, row) = try keys.backup(version, of: try call.userID)
        var writer = JSONWriter()
        writer.beginObject()
        writer.field("algorithm", row.algorithm)
        writer.field("auth_data", raw: row.authDataJSON)
        writer.field("count", Int64(clamping: row.count))
        writer.field("etag", String(row.etag))
        writer.field("version", String(number))
        writer.endObject()
        return .json(writer.bytes)
    }

    // MARK: Keys

    /// The keys of a request in the form of the one for all rooms.
    private static func rooms(_ body: Body, _ room: String?, _ session: String?) throws -> JSONObject {
        if let room, let session {
            return [room: .object([session: .object(body.object)])]
        }
        if let room { return [room: .object(try sessions(body))] }
        guard let rooms = try body.optionalObject("rooms") else { throw Rejection.missingParam("rooms is missing.") }
        return try rooms.mapValues { value in
            guard let ofRoom = value.objectValue else { throw Rejection.badJSON("rooms must be an object of objects.") }
            return .object(try sessions(Body(ofRoom)))
        }
    }

    private static func sessions(_ body: Body) throws -> JSONObject {
        guard let sessions = try body.optionalObject("sessions") else {
            throw Rejection.missingParam("sessions is missing.")
        }
        return sessions
    }

    private func backedUpKeys(_ call: Call, _ room: String?, _ session: String?) throws -> HTTPResponse {
        let user = try call.userID
        let (version, _) = try keys.backup(try Self.version(call), of: user)
        guard let room else { return .json(try keys.backups.all(version: version, of: user)) }
        guard let session else { return .json(try keys.backups.room(room, version: version, of: user)) }
        guard let key = try keys.backups.session(session, room: room, version: version, of: user) else {
            throw Rejection.notFound("Key not found.")
        }
        return .json(key)
    }
}
