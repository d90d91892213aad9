package import CanonicalJSON
import Decisions
import EventLog
import LogEvents
package import MatrixIdentifiers
import Queries
package import ReadModel

extension KeyCommands {
    /// What a change of a backup left: its mark and how many keys it has.
    package struct BackupState: Sendable {
        package let etag: UInt64
        package let count: UInt64
    }

    private static func backupStream(of user: UserID) -> StreamID {
        StreamID(kind: .user, name: "\(user.rawValue)/backup")
    }

    private static let unknownVersion = Rejection.notFound("Unknown backup version")
    private static let largestAuthData = 65_536

    private func changing<Result>(_ user: UserID, _ body: () async throws -> Result) async throws -> Result {
        try await turns.run("backup \(user)") { try await retrying(body) }
    }

    private static func version(_ text: String) throws -> UInt64 {
        guard text.utf8.count <= 18, let number = UInt64(text), number > 0 else { throw unknownVersion }
        return number
    }

    // MARK: Versions

    /// Begins a backup, to which alone keys go from now on.
    package func createBackup(algorithm: String, authData: JSONObject, caller: Caller) async throws -> String {
        guard !algorithm.isEmpty, algorithm.utf8.count <= 255 else {
            throw Rejection.invalidParam("algorithm must have 1 to 255 bytes.")
        }
        try Self.check(authData)
        let user = caller.userID
        return try await changing(user) {
            let head = try backups.head(of: user)
            let version = head.lastVersion + 1
            let fact = BackupVersionCreated(
                userID: user.rawValue, version: version, algorithm: algorithm, authData: .object(authData))
            try await append(fact, head, caller)
            return String(version)
        }
    }

    private static func check(_ authData: JSONObject) throws {
        guard authData.canonicalBytes().count <= largestAuthData else {
            throw Rejection.tooLarge("auth_data is too large.")
        }
    }

    private func append(_ fact: some LogEvent, _ head: BackupHeadRow, _ caller: Caller) async throws {
        let stream = Self.backupStream(of: caller.userID)
        try await append([record(fact, stream, caller)], expected: [(stream, head.streamVersion)])
    }

    /// "Update information about an existing backup. Only `auth_data` can be modified."
    package func changeBackup(
        _ version: String, algorithm: String, authData: JSONObject, caller: Caller
    ) async throws {
        try Self.check(authData)
        let number = try Self.version(version)
        let user = caller.userID
        try await changing(user) {
            let (head, row) = try backups.state(of: user, version: number)
            guard let row, !row.isDeleted else { throw Self.unknownVersion }
            guard row.algorithm.utf8.elementsEqual(algorithm.utf8) else {
                throw Rejection.invalidParam("Algorithm does not match")
            }
            let fact = BackupVersionChanged(userID: user.rawValue, version: number, authData: .object(authData))
            try await append(fact, head, caller)
        }
    }

    /// "The delete succeeded, or the specified backup was previously deleted."
    package func deleteBackup(_ version: String, caller: Caller) async throws {
        let number = try Self.version(version)
        let user = caller.userID
        try await changing(user) {
            let (head, row) = try backups.state(of: user, version: number)
            guard let row else { throw Self.unknownVersion }
            if row.isDeleted { return }
            try await append(BackupVersionDeleted(userID: user.rawValue, version: number), head, caller)
        }
    }

    // MARK: Keys

    /// Stores keys in the newest backup: room to session to key data.
    package func storeKeys(
        _ rooms: JSONObject, version: String, caller: Caller
    ) async throws -> BackupState {
        var sessions: [(roomID: String, sessionID: String)] = []
        var keys: [BackedUpKey] = []
        for (roomID, value) in rooms {
            guard RoomID(roomID) != nil else { throw Rejection.invalidParam("\(roomID) is no room ID.") }
            guard let ofRoom = value.objectValue else { throw Rejection.badJSON("sessions must be an object.") }
            for (sessionID, data) in ofRoom {
                guard sessionID.utf8.count <= 1024 else { throw Rejection.invalidParam("The session ID is too long.") }
                sessions.append((roomID, sessionID))
                keys.append(try BackedUpKey(data))
            }
        }
        let user = caller.userID
        let (named, checked) = (sessions, keys)
        return try await changing(user) {
            let number = try Self.version(version)
            let (head, row) = try backups.state(of: user, version: number)
            guard head.current > 0 else { throw Self.unknownVersion }
            guard head.current == number, row != nil else {
                throw Rejection(
                    403, "M_WRONG_ROOM_KEYS_VERSION", "Wrong backup version.",
                    extra: ["current_version": .string(String(head.current))])
            }
            let stored = try backups.stored(named, version: number, of: user)
            var better: [String: JSONObject] = [:]
            for (index, session) in named.enumerated() {
                if let old = stored[index], let held = try? BackedUpKey(.object(old)),
                    !checked[index].replaces(held)
                {
                    continue
                }
                better[session.roomID, default: [:]][session.sessionID] = .object(checked[index].object)
            }
            if !better.isEmpty {
                let fact = BackupKeysStored(
                    userID: user.rawValue, version: number,
                    rooms: JSONObject(better.map { ($0.key, JSONValue.object($0.value)) }))
                try await append(fact, head, caller)
            }
            return try backupState(number, user)
        }
    }

    /// Takes keys out of a backup: one session, a room, or all.
    package func removeKeys(
        room: String?, session: String?, version: String, caller: Caller
    ) async throws -> BackupState {
        let number = try Self.version(version)
        let user = caller.userID
        return try await changing(user) {
            let (head, row) = try backups.state(of: user, version: number)
            guard let row, !row.isDeleted else { throw Self.unknownVersion }
            let fact = BackupKeysRemoved(
                userID: user.rawValue, version: number, roomID: room, sessionID: session)
            try await append(fact, head, caller)
            return try backupState(number, user)
        }
    }

    private func backupState(_ version: UInt64, _ user: UserID) throws -> BackupState {
        guard let row = try backups.version(version, of: user), !row.isDeleted else { throw Self.unknownVersion }
        return BackupState(etag: row.etag, count: row.count)
    }

    /// A backup to read from; nil asks for the newest.
    package func backup(_ version: String?, of user: UserID) throws -> (version: UInt64, row: BackupVersionRow) {
        let head = try backups.head(of: user)
        let number = try version.map(Self.version) ?? head.current
        guard number > 0, let row = try backups.version(number, of: user), !row.isDeleted else {
            throw version == nil ? Rejection.notFound("No current backup version") : Self.unknownVersion
        }
        return (number, row)
    }
}
