import EventLog
import KeyValueStore
import LogEvents
import ProjectionEngine
import ReadModel
import TestSupport
import Testing

@Suite struct MediaProjectionTests {
    private static let users = ["@a:s", "@b:s", "@c:s"]

    private static func blob(_ number: Int) -> String { String(repeating: "\(number % 10)", count: 64) }

    private static func upload(_ mediaID: String, by user: String, blob number: Int) -> MediaUploaded {
        MediaUploaded(
            mediaID: mediaID, userID: user, source: number == 0 ? .preview : .upload, blob: blob(number),
            bytes: Int64(number + 1), contentType: "image/png", fileName: number == 1 ? nil : "ä.png",
            needsAuthentication: number != 2)
    }

    /// Everything that can happen to media, in an order that the seed decides.
    private static func script(seed: UInt64) -> LogScript {
        var random = SeededRandom(seed: seed)
        var log = LogScript()
        for user in users { log.append(AccountRegistered(userID: user, accountKind: "user")) }
        for step in 0..<400 {
            let mediaID = "m\(random.below(40))"
            let user = users[random.below(users.count)]
            switch random.below(7) {
            case 0: log.append(MediaCreated(mediaID: "p\(step)", userID: user, unusedExpiresAtMs: Int64(step)))
            case 1: log.append(upload("p\(random.below(step + 1))", by: user, blob: random.below(5)))
            case 2: log.append(MediaQuarantined(mediaIDs: [mediaID, "none"], isQuarantined: random.below(2) == 0))
            case 3: log.append(MediaProtected(mediaIDs: [mediaID], isProtected: random.below(2) == 0))
            case 4: log.append(MediaRemoved(mediaIDs: [mediaID, "p\(random.below(step + 1))"], reason: "test"))
            case 5: log.append(MediaAccessed(accesses: [.init(mediaID: mediaID, atMs: Int64(random.below(1000)))]))
            default: log.append(upload(mediaID, by: user, blob: random.below(5)))
            }
        }
        return log
    }

    @Test(arguments: [1, 2, 3, 4] as [UInt64])
    func liveIsTheSameAsRebuilt(seed: UInt64) throws {
        let log = Self.script(seed: seed)
        let live = try ViewFixture(log, inBatchesOf: 3)
        let replayed = try ViewFixture()
        replayed.script.replace(log.records)
        try replayed.engine.catchUp()
        try #expect(live.engine.digests() == replayed.engine.digests())
    }

    /// The references of blobs are what counting the media gives.
    @Test(arguments: [5, 6, 7, 8] as [UInt64])
    func referencesEqualARecount(seed: UInt64) throws {
        let fixture = try ViewFixture(Self.script(seed: seed), inBatchesOf: 7)
        try fixture.read { transaction, tables in
            var counted: [[UInt8]: UInt32] = [:]
            var uploads = 0
            var pending = 0
            try transaction.forEach(tables.mediaRows) { _, value in
                let row = try MediaRow(reading: value)
                if row.hasContent { counted[row.blob, default: 0] += 1 } else { pending += 1 }
                if row.hasContent && !row.isPreview { uploads += 1 }
                return true
            }
            var stored: [[UInt8]: UInt32] = [:]
            try transaction.forEach(tables.mediaBlobs) { key, value in
                stored[Array(key)] = try BlobRow(reading: value).references
                return true
            }
            #expect(stored == counted)
            #expect(try transaction.count(tables.mediaByUser) == uploads)
            #expect(try transaction.count(tables.mediaPending) == pending)
        }
    }
}
