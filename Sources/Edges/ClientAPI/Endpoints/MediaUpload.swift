import CanonicalJSON
import CommandHandling
import Decisions
import HTTPFront
import LogEvents
import MatrixIdentifiers
import MediaStore

/// `/media/v3/upload`, `/media/v1/create` and `/media/config`.
extension ClientAPI {
    func addMediaUpload(to table: inout EndpointTable, _ media: MediaParts) {
        let limit = Int(clamping: media.commands.rules.maximumBytes)
        table.upload(
            .post, "/_matrix/media/{version:v3|r0|v1}/upload", .user.notSuspended, atMost: limit
        ) { call in
            let caller = try call.caller
            try media.commands.admit(bytes: Int64(call.request.declaredLength ?? 0), by: caller.userID)
            return try await receive(call, media) { content in
                let mediaID = try await media.commands.recordUpload(content, source: .upload, caller: caller)
                return .json(["content_uri": .string(contentURI(mediaID))])
            }
        }
        table.upload(
            .put, "/_matrix/media/{version:v3|r0|v1}/upload/{serverName}/{mediaId}", .user.notSuspended, atMost: limit
        ) { call in
            let caller = try call.caller
            let mediaID = call["mediaId"]
            guard isOwn(call["serverName"]), MediaRules.isMediaID(mediaID) else {
                throw Rejection.notFound("There is no such media ID.")
            }
            try media.commands.checkPending(mediaID, caller: caller)
            try media.commands.admit(bytes: Int64(call.request.declaredLength ?? 0), by: caller.userID)
            return try await receive(call, media) { content in
                try await media.commands.recordUpload(content, to: mediaID, caller: caller)
                media.arrivals.tell(mediaID)
                return .emptyObject
            }
        }
        table.perform(.post, "/_matrix/media/{version:v1|v3}/create", .user.notSuspended) { call in
            let caller = try call.caller
            try gate.pass(.mediaCreate, caller.userID.rawValue)
            let created = try await media.commands.createID(caller: caller)
            return .json([
                "content_uri": .string(contentURI(created.mediaID)),
                "unused_expires_at": .integer(created.unusedExpiresAtMs),
            ])
        }
        let configuration = HTTPResponse.json(["m.upload.size": .integer(media.commands.rules.maximumBytes)])
        table.read("/media/config", .guest) { _ in configuration }
        table.read("/_matrix/media/{version:v3|r0|v1}/config", .guest) { _ in configuration }
    }

    func contentURI(_ mediaID: String) -> String { "mxc://\(environment.serverName.rawValue)/\(mediaID)" }

    func isOwn(_ serverName: String) -> Bool { serverName.utf8.elementsEqual(environment.serverName.rawValue.utf8) }

    /// Writes the body to the disk as it comes, and records it once it is synced there.
    private func receive(
        _ call: Call, _ media: MediaParts, _ record: (MediaCommands.Content) async throws -> HTTPResponse
    ) async throws -> HTTPResponse {
        let fileName = call.query("filename").flatMap { $0.isEmpty ? nil : $0 }
        if let fileName, fileName.utf8.count > MediaRules.longestFileName {
            throw Rejection.invalidParam("filename may have at most \(MediaRules.longestFileName) bytes.")
        }
        let stored = try await media.blobs.receive(call.request.bodyStream)
        defer { media.blobs.release(stored.name) }
        let response = try await record(
            MediaCommands.Content(
                blob: stored.name, bytes: stored.bytes,
                contentType: call.request.headers.first("content-type") ?? "", fileName: fileName))
        media.thumbnails.prepare(stored.name)
        return response
    }
}
