/// What users may upload; the names are those of the configuration.
package struct MediaRules: Sendable, Hashable {
    /// An entry of `media_upload_limits`.
    package struct UploadLimit: Sendable, Hashable {
        package var periodMs: Int64
        package var bytes: Int64

        package init(periodMs: Int64, bytes: Int64) {
            self.periodMs = periodMs
            self.bytes = bytes
        }
    }

    /// `max_upload_size`.
    package var maximumBytes: Int64 = 50 << 20
    /// `media_upload_limits`.
    package var uploadLimits: [UploadLimit] = []
    /// `max_pending_media_uploads`, for each user.
    package var maximumPending = 5
    /// `unused_expiration_time`: "The recommended default expiration is 24 hours".
    package var unusedLifetimeMs: Int64 = 86_400_000
    /// `enable_authenticated_media`: what is uploaded from now on needs a login to be seen.
    package var needsAuthentication = true

    package init() {}

    /// The longest file name that is kept, in bytes.
    package static let longestFileName = 1024

    /// Refuses what is larger than any upload may be.
    package func checkSize(_ bytes: Int64) throws(Rejection) {
        guard bytes <= maximumBytes else { throw .tooLarge("Uploads may have at most \(maximumBytes) bytes.") }
    }

    /// Refuses an upload that would pass a limit.
    ///
    /// > The user has reached a quota for uploaded content.
    ///
    /// - Parameter used: bytes uploaded during the last so many milliseconds.
    package func checkQuota(adding bytes: Int64, used: (Int64) throws -> Int64) throws {
        for limit in uploadLimits {
            guard try used(limit.periodMs) <= limit.bytes - bytes else {
                throw Rejection.forbidden("You have uploaded as much as you may for now.")
            }
        }
    }

    /// > The `media-id` segment MUST consist of only alphanumeric (`A-Za-z0-9`), `_` and `-` characters.
    package static func isMediaID(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 255
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "-"): true
                default: false
                }
            }
    }

    /// A content type as it will be given out; what cannot be one is `application/octet-stream`.
    package static func contentType(_ claimed: String?) -> String {
        let unknown = "application/octet-stream"
        guard let claimed, !claimed.isEmpty, claimed.utf8.count <= 255, claimed.utf8.contains(UInt8(ascii: "/")),
            claimed.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F })
        else { return unknown }
        return claimed
    }
}
