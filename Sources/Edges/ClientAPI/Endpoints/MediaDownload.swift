import CommandHandling
import Decisions
import HTTPFront
import MatrixIdentifiers
import MediaStore
import Queries
import ReadModel

/// `/media/download`, with a login and without.
extension ClientAPI {
    /// The prefix of the endpoints that ask for no login, of which new media are kept.
    static let legacyMedia = "/_matrix/media/{version:v3|r0|v1}"
    /// "servers SHOULD impose a maximum value for this parameter"
    private static let longestWaitMs: Int64 = 60_000
    private static let usualWaitMs: Int64 = 20_000

    func addMediaDownload(to table: inout EndpointTable, _ media: MediaParts) {
        for path in ["/download/{serverName}/{mediaId}", "/download/{serverName}/{mediaId}/{fileName}"] {
            table.perform(.get, "/media" + path, .guest) { try await download($0, media, hasLogin: true) }
            table.perform(.get, Self.legacyMedia + path, .anyone) { try await download($0, media, hasLogin: false) }
        }
    }

    private func download(_ call: Call, _ media: MediaParts, hasLogin: Bool) async throws -> HTTPResponse {
        let row = try await content(call, media, hasLogin: hasLogin)
        let blob = IncomingBlob.text(row.blob)
        guard let file = media.blobs.open(blob) else { throw Self.noSuchMedia }
        media.accesses.note(row.mediaID, nowMs: call.nowMs)
        // "This will download content […] but replaces the target file name with the one provided by the caller."
        let fileName = call.request.parameters.contains("fileName") ? call["fileName"] : row.fileName
        return .file(
            file, entityTag: MediaHeaders.entityTag(blob),
            headers: MediaHeaders.fields(contentType: row.contentType, fileName: fileName, hasLogin: hasLogin),
            for: call.request)
    }

    static let noSuchMedia = Rejection.notFound("There is no such media.")

    /// The media that a request names, once its content is there.
    func content(_ call: Call, _ media: MediaParts, hasLogin: Bool) async throws -> MediaRow {
        let timeout = min(max(0, try call.integerQuery("timeout_ms") ?? Self.usualWaitMs), Self.longestWaitMs)
        if let allowed = call.query("allow_remote"), allowed != "true", allowed != "false" {
            throw Rejection.invalidParam("allow_remote must be true or false.")
        }
        let mediaID = call["mediaId"]
        // "homeservers MUST sanitise mxc:// URIs by restricting the server-name segment to valid server names, allowing
        // only alphanumeric (A-Za-z0-9), _ and - characters in the media-id segment". Media of other servers come with
        // federation.
        guard MediaRules.isMediaID(mediaID), isOwn(call["serverName"]),
            let first = try visible(mediaID, media, hasLogin)
        else { throw Self.noSuchMedia }
        if first.hasContent { return first }
        let queries = media.commands.queries
        await media.arrivals.wait(for: mediaID, atMost: .milliseconds(timeout)) {
            try queries.media(mediaID)?.hasContent != false
        }
        try Task.checkCancellation()
        guard let row = try visible(mediaID, media, hasLogin) else { throw Self.noSuchMedia }
        guard row.hasContent else {
            throw Rejection(504, "M_NOT_YET_UPLOADED", "The content has not been uploaded yet.")
        }
        return row
    }

    private func visible(_ mediaID: String, _ media: MediaParts, _ hasLogin: Bool) throws -> MediaRow? {
        guard let row = try media.commands.queries.media(mediaID), !row.isQuarantined else { return nil }
        if !row.hasContent { return row.unusedExpiresAtMs > environment.nowMs() ? row : nil }
        // "any media uploaded after (or during) the freeze SHOULD only be accessible through the new, authenticated,
        // endpoints"
        return !hasLogin && media.isFrozen && row.needsAuthentication ? nil : row
    }
}
