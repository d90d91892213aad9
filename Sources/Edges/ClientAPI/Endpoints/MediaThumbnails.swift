import CommandHandling
import Decisions
import HTTPFront
import MediaStore
import ReadModel

/// `/media/thumbnail`, with a login and without.
extension ClientAPI {
    func addMediaThumbnails(to table: inout EndpointTable, _ media: MediaParts) {
        let path = "/thumbnail/{serverName}/{mediaId}"
        table.perform(.get, "/media" + path, .guest) { try await thumbnail($0, media, hasLogin: true) }
        table.perform(.get, Self.legacyMedia + path, .anyone) { try await thumbnail($0, media, hasLogin: false) }
    }

    private func thumbnail(_ call: Call, _ media: MediaParts, hasLogin: Bool) async throws -> HTTPResponse {
        let request = try thumbnailRequest(call)
        let row = try await content(call, media, hasLogin: hasLogin)
        let blob = IncomingBlob.text(row.blob)
        let picture: Thumbnailer.Picture?
        do {
            picture = try await media.thumbnails.picture(of: blob, request)
        } catch let refusal as ThumbnailRefusal {
            throw Self.matrixError(refusal)
        }
        guard let picture else { throw Self.noSuchMedia }
        media.accesses.note(row.mediaID, nowMs: call.nowMs)
        let suffix = picture.contentType.drop { $0 != "/" }.dropFirst()
        return .file(
            picture.file, entityTag: MediaHeaders.entityTag(blob, picture.variant),
            headers: MediaHeaders.fields(
                contentType: picture.contentType, fileName: "thumbnail.\(suffix == "jpeg" ? "jpg" : suffix)",
                hasLogin: hasLogin),
            for: call.request)
    }

    private func thumbnailRequest(_ call: Call) throws -> ThumbnailRequest {
        func side(_ name: String) throws -> Int {
            guard let number = try call.integerQuery(name) else { throw Rejection.missingParam("\(name) is missing.") }
            guard number > 0 else { throw Rejection.invalidParam("\(name) must be greater than 0.") }
            return Int(min(number, 1 << 16))
        }
        let method = call.query("method") ?? "scale"
        guard let method = ThumbnailRequest.Method(rawValue: method) else {
            throw Rejection.invalidParam("method must be crop or scale.")
        }
        return ThumbnailRequest(
            width: try side("width"), height: try side("height"), method: method,
            isAnimated: try call.flagQuery("animated"))
    }

    private static func matrixError(_ refusal: ThumbnailRefusal) -> any Error {
        switch refusal {
        // "The request does not make sense to the server, or the server cannot thumbnail the content."
        case .notAPicture: Rejection.unknown("Cannot generate thumbnails for the requested content.")
        case .tooLarge: Rejection.tooLarge("The content is too large to thumbnail.")
        case .notInstalled:
            Rejection.unknown("This server makes no thumbnails: libvips-tools is not installed on it.")
        case .busy: MatrixError.overloaded
        }
    }
}
