import CanonicalJSON
package import Decisions
import EventLog
import EventSigning
package import LogEvents
package import MatrixIdentifiers
package import Queries
import ReadModel

/// Everything that is done to media. The content itself lies with whoever calls; it must be on the disk, synced, before
/// its upload is recorded here.
///
/// All throw ``Rejection`` for what the rules forbid and `AppendFault` for what the machine could not do.
package final class MediaCommands: Sendable {
    package let environment: CommandEnvironment
    package let rules: MediaRules
    package let queries: MediaQueries

    package init(environment: CommandEnvironment, rules: MediaRules) {
        self.environment = environment
        self.rules = rules
        queries = MediaQueries(views: environment.views)
    }

    /// A blob that is on the disk.
    package struct Content: Sendable, Hashable {
        /// BLAKE2b-256, hexadecimal.
        package var blob: String
        package var bytes: Int64
        package var contentType: String
        package var fileName: String?

        package init(blob: String, bytes: Int64, contentType: String, fileName: String?) {
            self.blob = blob
            self.bytes = bytes
            self.contentType = contentType
            self.fileName = fileName
        }
    }

    // MARK: Upload

    /// Refuses an upload that cannot be accepted, before its content is read.
    ///
    /// - Parameter bytes: the length as the client declares it; 0 when it does not.
    package func admit(bytes: Int64, by user: UserID) throws {
        try rules.checkSize(bytes)
        let now = environment.nowMs()
        try rules.checkQuota(adding: bytes) { period in
            try queries.bytesUploaded(by: user, sinceMs: now - period)
        }
    }

    /// Records content under an ID of its own.
    ///
    /// - Returns: the ID.
    package func recordUpload(_ content: Content, source: MediaUploaded.Source, caller: Caller) async throws -> String {
        if source == .upload { try admit(bytes: content.bytes, by: caller.userID) }
        let mediaID = newID()
        try await append(content, to: mediaID, source: source, version: 0, caller: caller)
        return mediaID
    }

    /// Gives out an ID whose content comes later.
    package func createID(caller: Caller) async throws -> MediaCreated {
        let now = environment.nowMs()
        // "the server should limit the number of concurrent pending media uploads a given user can have"
        guard try queries.pendingCount(of: caller.userID, nowMs: now) < rules.maximumPending else {
            throw Rejection(
                429, "M_LIMIT_EXCEEDED", "Upload to the media IDs that you have before you ask for more.",
                extra: ["retry_after_ms": .integer(60_000)])
        }
        let fact = MediaCreated(
            mediaID: newID(), userID: caller.userID.rawValue, unusedExpiresAtMs: now + rules.unusedLifetimeMs)
        try await append([fact.record(stream: Self.stream(of: fact.mediaID), caller)], version: 0, of: fact.mediaID)
        return fact
    }

    /// Refuses an upload to an ID that is not the caller's, void, or has its content.
    package func checkPending(_ mediaID: String, caller: Caller) throws {
        let row = try queries.media(mediaID)
        guard let row, row.hasContent || row.unusedExpiresAtMs > environment.nowMs() else {
            throw Rejection.notFound("There is no such media ID, or its time has run out.")
        }
        // "The request comes from a different user than the one that called POST /_matrix/media/v1/create"
        guard
            try queries.views.read({ transaction, tables in try transaction.user(tables, caller.userID.rawValue) })
                == row.user
        else { throw Rejection.forbidden("This media ID was given to another user.") }
        guard !row.hasContent else { throw Self.hasContent }
    }

    /// Records the content of an ID that was given out before.
    package func recordUpload(_ content: Content, to mediaID: String, caller: Caller) async throws {
        try checkPending(mediaID, caller: caller)
        try admit(bytes: content.bytes, by: caller.userID)
        do {
            try await append(content, to: mediaID, source: .upload, version: 1, caller: caller)
        } catch AppendFault.conflict {
            // Another upload to the same ID was quicker.
            throw Self.hasContent
        }
    }

    private static let hasContent = Rejection(409, "M_CANNOT_OVERWRITE_MEDIA", "This media ID has its content already.")

    private func append(
        _ content: Content, to mediaID: String, source: MediaUploaded.Source, version: UInt64, caller: Caller
    ) async throws {
        let fact = MediaUploaded(
            mediaID: mediaID, userID: caller.userID.rawValue, source: source, blob: content.blob, bytes: content.bytes,
            contentType: MediaRules.contentType(content.contentType), fileName: content.fileName,
            needsAuthentication: rules.needsAuthentication)
        try await append([fact.record(stream: Self.stream(of: mediaID), caller)], version: version, of: mediaID)
    }

    /// 24 letters that nobody can guess.
    private func newID() -> String { UnpaddedBase64.encodeURLSafe(environment.randomBytes(18)) }

    // MARK: What administrators and time do

    /// Closes media to everybody, or opens them again. What is protected stays open.
    ///
    /// - Returns: how many media it concerns.
    package func quarantine(
        _ mediaIDs: [String], _ isQuarantined: Bool, actor: String, cause: String
    ) async throws -> Int {
        let concerned = try mediaIDs.filter { mediaID in
            guard let row = try queries.media(mediaID), !isQuarantined || !row.isProtected else { return false }
            return row.isQuarantined != isQuarantined
        }
        try await appendForAll(concerned, actor: actor, cause: cause) { mediaIDs in
            MediaQuarantined(mediaIDs: mediaIDs, isQuarantined: isQuarantined)
        }
        return concerned.count
    }

    /// Keeps media from being quarantined, or ends that.
    package func protect(_ mediaIDs: [String], _ isProtected: Bool, actor: String, cause: String) async throws {
        try await appendForAll(mediaIDs, actor: actor, cause: cause) { mediaIDs in
            MediaProtected(mediaIDs: mediaIDs, isProtected: isProtected)
        }
    }

    /// Removes media.
    ///
    /// - Returns: the blobs that they had; those that no other media has are to be deleted.
    package func remove(
        _ mediaIDs: [String], reason: String, actor: String, cause: String
    ) async throws -> (mediaIDs: [String], blobs: [[UInt8]]) {
        let rows = try mediaIDs.compactMap { try queries.media($0) }
        let known = rows.map(\.mediaID)
        try await appendForAll(known, actor: actor, cause: cause) { mediaIDs in
            MediaRemoved(mediaIDs: mediaIDs, reason: reason)
        }
        return (known, rows.filter(\.hasContent).map(\.blob))
    }

    /// Writes down when media were given out.
    package func flush(_ accesses: MediaAccesses) async throws {
        let fresh = accesses.take()
        var rest = fresh[...]
        while !rest.isEmpty {
            let fact = MediaAccessed(accesses: Array(rest.prefix(Self.mostInOneRecord)))
            rest = rest.dropFirst(Self.mostInOneRecord)
            let record = fact.record(stream: Self.streamOfMany, actor: "", cause: "media-accessed")
            _ = try await environment.log.append(LogBatch(records: [record]))
        }
    }

    // MARK: Shared

    private static let mostInOneRecord = 1000
    /// Facts about many media at once are in no single one's stream.
    private static let streamOfMany = StreamID(kind: .server, name: "media")

    private static func stream(of mediaID: String) -> StreamID { StreamID(kind: .server, name: "media/" + mediaID) }

    private func append(_ records: [NewRecord], version: UInt64, of mediaID: String) async throws {
        _ = try await environment.log.append(
            LogBatch(records: records, expected: [(Self.stream(of: mediaID), version)]))
    }

    private func appendForAll(
        _ mediaIDs: [String], actor: String, cause: String, _ fact: ([String]) -> some LogEvent
    ) async throws {
        var rest = mediaIDs[...]
        while !rest.isEmpty {
            let record = fact(Array(rest.prefix(Self.mostInOneRecord)))
                .record(stream: Self.streamOfMany, actor: actor, cause: cause)
            rest = rest.dropFirst(Self.mostInOneRecord)
            _ = try await environment.log.append(LogBatch(records: [record]))
        }
    }
}

extension LogEvent {
    fileprivate func record(stream: StreamID, _ caller: Caller) -> NewRecord {
        record(stream: stream, actor: caller.userID.rawValue, cause: caller.requestID)
    }
}
