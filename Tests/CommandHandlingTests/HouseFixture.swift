import CommandHandling
import EventLog
import EventSigning
import Foundation
import MatrixIdentifiers
import ProjectionEngine
import Projections
import ReadModel
import RoomVersions
import Synchronization
import TestSupport

/// A log with its projections and the room commands over both, in a directory of its own; real parts, a clock that stands.
final class HouseFixture: Sendable {
    let directory: String
    let log: LMDBEventLog
    let views: Views
    let engine: ProjectionEngine
    let rooms: RoomCommands

    final class Late: Sendable {
        let engine = Mutex<ProjectionEngine?>(nil)
    }

    init(seed: UInt64 = 1) throws {
        directory = NSTemporaryDirectory() + "engram-commands-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: directory + "/views", withIntermediateDirectories: true)
        try FileManager.default.createDirectory(atPath: directory + "/log", withIntermediateDirectories: true)
        let random = Mutex(SeededRandom(seed: seed))
        let bytes: @Sendable (Int) -> [UInt8] = { count in
            random.withLock { random in (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) } }
        }
        let late = Late()
        log = try LMDBEventLog(
            directory: directory + "/log", wallClock: { 1_700_000_000_000 }, randomBytes: bytes, signer: { _ in [] },
            onCommitted: { records in try late.engine.withLock { $0 }?.apply(records) })
        views = try Views(directory: directory + "/views")
        let engine = ProjectionEngine(views: views, projections: builtInProjections, source: RecordSource(log))
        late.engine.withLock { $0 = engine }
        self.engine = engine
        try engine.catchUp()
        rooms = RoomCommands(
            environment: CommandEnvironment(
                log: log,
                views: views,
                serverName: try ServerName(parsing: "test"),
                signingKey: try SigningKey(seed: [UInt8](repeating: 7, count: 32), keyID: "ed25519:1"),
                nowMs: { 1_700_000_000_000 },
                randomBytes: bytes,
                defaultRoomVersion: .v12
            ))
    }

    func caller(_ name: String) throws -> Caller {
        Caller(userID: try UserID(parsing: "@\(name):test"), deviceID: "DEVICE", requestID: "test")
    }

    func close() throws {
        log.close()
        try views.close()
        try FileManager.default.removeItem(atPath: directory)
    }
}
