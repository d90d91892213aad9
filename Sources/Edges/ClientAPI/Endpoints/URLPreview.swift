import CanonicalJSON
import CommandHandling
import Decisions
import HTTPFront
import LogEvents
import MediaStore

/// `/media/preview_url`.
extension ClientAPI {
    func addURLPreview(to table: inout EndpointTable, _ media: MediaParts, _ previews: URLPreviewer) {
        for path in ["/media/preview_url", Self.legacyMedia + "/preview_url"] {
            table.perform(.get, path, .user) { call in
                guard let url = call.query("url"), !url.isEmpty else { throw Rejection.missingParam("url is missing.") }
                _ = try call.integerQuery("ts")
                let caller = try call.caller
                do {
                    let members = try await previews.preview(of: url) { picture in
                        try await keep(picture, media, caller)
                    }
                    return .json(.object(members))
                } catch let fault as WebFault {
                    throw Self.rejection(fault)
                }
            }
        }
    }

    /// Makes media of a picture, like an upload that counts for nobody.
    private func keep(_ picture: URLPreviewer.Picture, _ media: MediaParts, _ caller: Caller) async throws -> String {
        let stored = try await media.blobs.keep(picture.content)
        defer { media.blobs.release(stored.name) }
        let content = MediaCommands.Content(
            blob: stored.name, bytes: stored.bytes, contentType: picture.contentType, fileName: nil)
        return contentURI(try await media.commands.recordUpload(content, source: .preview, caller: caller))
    }

    private static func rejection(_ fault: WebFault) -> Rejection {
        switch fault {
        case .forbiddenAddress, .forbiddenURL:
            Rejection(403, "M_UNKNOWN", "This server does not look at that address.")
        case .unknownHost: Rejection(502, "M_UNKNOWN", "There is no such host.")
        case .notConnected: Rejection(502, "M_UNKNOWN", "The page's server does not answer.")
        case .timedOut: Rejection(502, "M_UNKNOWN", "The page took too long.")
        case .status(let status): Rejection(502, "M_UNKNOWN", "The page's server answered \(status).")
        case .closedEarly, .notHTTP, .tooManyRedirections, .tooLarge:
            Rejection(502, "M_UNKNOWN", "The page could not be read.")
        }
    }
}
