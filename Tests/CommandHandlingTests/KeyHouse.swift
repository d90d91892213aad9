import CanonicalJSON
import CommandHandling
import EventLog
import EventSigning
import Foundation
import LogEvents
import MatrixIdentifiers
import ProjectionEngine
import Projections
import Queries
import ReadModel
import RoomVersions
import Synchronization
import TestSupport

/// A log with its projections and the commands of encryption, in a directory that can be closed and opened again.
final class KeyHouse: Sendable {
    let directory: String
    let log: LMDBEventLog
    let views: Views
    let engine: ProjectionEngine
    let environment: CommandEnvironment
    let keys: KeyCommands

    private final class Late: Sendable {
        let engine = Mutex<ProjectionEngine?>(nil)
    }

    static func makeDirectory() -> String { NSTemporaryDirectory() + "engram-keys-\(UUID().uuidString)" }

    init(directory: String = KeyHouse.makeDirectory()) throws {
        self.directory = directory
        for name in ["/log", "/views"] {
            try FileManager.default.createDirectory(
                atPath: directory + name, withIntermediateDirectories: true)
        }
        let late = Late()
        let bytes: @Sendable (Int) -> [UInt8] = { count in (0..<count).map { _ in UInt8.random(in: 0...255) } }
        log = try LMDBEventLog(
            directory: directory + "/log", wallClock: { 1_700_000_000_000 }, randomBytes: bytes, signer: { _ in [] },
            onCommitted: { records in try late.engine.withLock { $0 }?.apply(records) })
        views = try Views(directory: directory + "/views")
        let engine = ProjectionEngine(views: views, projections: builtInProjections, source: RecordSource(log))
        late.engine.withLock { $0 = engine }
        self.engine = engine
        try engine.catchUp()
        environment = CommandEnvironment(
            log: log,
            views: views,
            serverName: try ServerName(parsing: "test"),
            signingKey: try SigningKey(seed: [UInt8](repeating: 7, count: 32), keyID: "ed25519:1"),
            nowMs: { 1_700_000_000_000 },
            randomBytes: bytes,
            defaultRoomVersion: .v12
        )
        keys = KeyCommands(environment: environment)
    }

    /// A caller with an account and a device, once for each device.
    func login(_ name: String, _ deviceID: String = "DEVICE") async throws -> Caller {
        let user = try UserID(parsing: "@\(name):test")
        let stream = StreamID(kind: .user, name: user.rawValue)
        var records: [NewRecord] = []
        if try log.streamVersion(of: stream) == 0 {
            records.append(
                AccountRegistered(userID: user.rawValue, accountKind: "user")
                    .record(stream: stream, actor: "", cause: ""))
        }
        let hash = UnpaddedBase64.encode((0..<32).map { _ in UInt8.random(in: 0...255) })
        records.append(
            DeviceRegistered(userID: user.rawValue, deviceID: deviceID, tokenHash: hash)
                .record(stream: stream, actor: "", cause: ""))
        _ = try await log.append(LogBatch(records: records))
        return Caller(userID: user, deviceID: deviceID, requestID: "test")
    }

    func asker(_ caller: Caller) throws -> Asker {
        let number = try AccountQueries(views: views).number(of: caller.userID) ?? UserNum.none
        return Asker(
            Identity(userID: caller.userID, userNum: number, deviceID: caller.deviceID), nowMs: 0, epoch: log.epoch)
    }

    /// `count` one-time keys, numbered from `first`, and perhaps a fallback key.
    static func upload(_ count: Int, from first: Int = 0, fallback: String? = nil) -> JSONObject {
        var oneTime: JSONObject = [:]
        for number in first..<(first + count) {
            oneTime["signed_curve25519:K\(number)"] = ["key": .string("public\(number)")]
        }
        var body: JSONObject = ["one_time_keys": .object(oneTime)]
        if let fallback {
            body["fallback_keys"] = [
                "signed_curve25519:\(fallback)": ["key": .string("fallback \(fallback)"), "fallback": true]
            ]
        }
        return body
    }

    func claim(_ caller: Caller, count: Int = 1) async throws -> [String] {
        let target = KeyClaimTarget(
            user: caller.userID, deviceID: caller.deviceID ?? "", algorithm: "signed_curve25519")
        let choices = try await keys.claim(Array(repeating: target, count: count), caller: caller)
        return choices.compactMap { $0?.name }
    }

    func close() throws {
        log.close()
        try views.close()
    }

    func remove() throws {
        try FileManager.default.removeItem(atPath: directory)
    }

    /// A copy of the log up to a position, as a backup of that time restores it.
    func restored(upTo position: LogPosition) throws -> KeyHouse {
        let directory = Self.makeDirectory()
        try FileManager.default.createDirectory(atPath: directory + "/log", withIntermediateDirectories: true)
        let restorer = try LogRestorer(directory: directory + "/log")
        try restorer.importTables(try log.reader.exportTables())
        try log.reader.scanStored(from: .first) { place, bytes in
            if place <= position { try restorer.append(position: place, stored: bytes) }
            return place < position
        }
        try restorer.finish(openingEpochBecause: "test", wallTimeMs: 1_700_000_000_000) { count in
            (0..<count).map { _ in UInt8.random(in: 0...255) }
        }
        return try KeyHouse(directory: directory)
    }
}
