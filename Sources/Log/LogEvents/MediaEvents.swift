import CanonicalJSON
package import EventLog

/// A media ID was given out; its content is to come.
package struct MediaCreated: LogEvent, Hashable {
    package static let kind = RecordKind.mediaCreated

    package var mediaID: String
    package var userID: String
    /// When the ID is void if no content has come, in milliseconds of wall time.
    package var unusedExpiresAtMs: Int64

    package init(mediaID: String, userID: String, unusedExpiresAtMs: Int64) {
        self.mediaID = mediaID
        self.userID = userID
        self.unusedExpiresAtMs = unusedExpiresAtMs
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "MediaCreated")
        mediaID = try json.string("media_id")
        userID = try json.string("user_id")
        unusedExpiresAtMs = try json.integer("unused_expires_ms")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "MediaCreated")
        json.set("media_id", mediaID)
        json.set("user_id", userID)
        json.set("unused_expires_ms", unusedExpiresAtMs)
        return json.object.canonicalBytes()
    }
}

/// The content of a media ID came; its blob was on the disk before this was written.
package struct MediaUploaded: LogEvent, Hashable {
    package static let kind = RecordKind.mediaUploaded

    /// Where the content came from.
    package enum Source: String, Sendable, Hashable {
        /// A user.
        case upload
        /// The picture of a web page that a user wanted a preview of.
        case preview
    }

    package var mediaID: String
    package var userID: String
    package var source: Source
    /// BLAKE2b-256 of the content, hexadecimal; it names the blob.
    package var blob: String
    package var bytes: Int64
    package var contentType: String
    package var fileName: String?
    /// Uploaded after the freeze: only the authenticated endpoints give it out.
    package var needsAuthentication: Bool

    package init(
        mediaID: String,
        userID: String,
        source: Source,
        blob: String,
        bytes: Int64,
        contentType: String,
        fileName: String?,
        needsAuthentication: Bool
    ) {
        self.mediaID = mediaID
        self.userID = userID
        self.source = source
        self.blob = blob
        self.bytes = bytes
        self.contentType = contentType
        self.fileName = fileName
        self.needsAuthentication = needsAuthentication
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "MediaUploaded")
        mediaID = try json.string("media_id")
        userID = try json.string("user_id")
        guard let source = Source(rawValue: try json.string("source")) else {
            throw PayloadError(kind: "MediaUploaded", reason: "has an unknown source")
        }
        self.source = source
        blob = try json.string("blob")
        bytes = try json.integer("bytes")
        contentType = try json.string("content_type")
        fileName = json.optionalString("file_name")
        needsAuthentication = json.flag("authenticated")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "MediaUploaded")
        json.set("media_id", mediaID)
        json.set("user_id", userID)
        json.set("source", source.rawValue)
        json.set("blob", blob)
        json.set("bytes", bytes)
        json.set("content_type", contentType)
        json.set("file_name", fileName)
        json.set("authenticated", flag: needsAuthentication)
        return json.object.canonicalBytes()
    }
}

/// Media were closed to everybody, or opened again.
package struct MediaQuarantined: LogEvent, Hashable {
    package static let kind = RecordKind.mediaQuarantined

    package var mediaIDs: [String]
    /// False opens them again.
    package var isQuarantined: Bool

    package init(mediaIDs: [String], isQuarantined: Bool) {
        self.mediaIDs = mediaIDs
        self.isQuarantined = isQuarantined
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "MediaQuarantined")
        mediaIDs = json.strings("media_ids")
        isQuarantined = json.flag("quarantined")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "MediaQuarantined")
        json.set("media_ids", json: .array(mediaIDs.map(JSONValue.string)))
        json.set("quarantined", flag: isQuarantined)
        return json.object.canonicalBytes()
    }
}

/// Media may not be quarantined, such as a sticker that everybody uses; or may be again.
package struct MediaProtected: LogEvent, Hashable {
    package static let kind = RecordKind.mediaProtected

    package var mediaIDs: [String]
    /// False ends the protection.
    package var isProtected: Bool

    package init(mediaIDs: [String], isProtected: Bool) {
        self.mediaIDs = mediaIDs
        self.isProtected = isProtected
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "MediaProtected")
        mediaIDs = json.strings("media_ids")
        isProtected = json.flag("protected")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "MediaProtected")
        json.set("media_ids", json: .array(mediaIDs.map(JSONValue.string)))
        json.set("protected", flag: isProtected)
        return json.object.canonicalBytes()
    }
}

/// Media are no more. A blob that no other media has is deleted afterwards.
package struct MediaRemoved: LogEvent, Hashable {
    package static let kind = RecordKind.mediaRemoved

    package var mediaIDs: [String]
    /// `retention`, `unused` (no content came in time), or an administrator's words.
    package var reason: String

    package init(mediaIDs: [String], reason: String) {
        self.mediaIDs = mediaIDs
        self.reason = reason
    }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "MediaRemoved")
        mediaIDs = json.strings("media_ids")
        reason = try json.string("reason")
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "MediaRemoved")
        json.set("media_ids", json: .array(mediaIDs.map(JSONValue.string)))
        json.set("reason", reason)
        return json.object.canonicalBytes()
    }
}

/// When media were last given out; written in batches, at most every few minutes. Retention counts from it.
package struct MediaAccessed: LogEvent, Hashable {
    package static let kind = RecordKind.mediaAccessed

    package struct Access: Sendable, Hashable {
        package var mediaID: String
        /// Wall time in milliseconds.
        package var atMs: Int64

        package init(mediaID: String, atMs: Int64) {
            self.mediaID = mediaID
            self.atMs = atMs
        }
    }

    package var accesses: [Access]

    package init(accesses: [Access]) { self.accesses = accesses }

    package init(payload: [UInt8]) throws(PayloadError) {
        let json = try JSONPayload(payload, kind: "MediaAccessed")
        accesses = (json.object["media"]?.arrayValue ?? []).compactMap { pair in
            guard let pair = pair.arrayValue, pair.count == 2, let mediaID = pair[0].stringValue,
                let atMs = pair[1].integerValue
            else { return nil }
            return Access(mediaID: mediaID, atMs: atMs)
        }
    }

    package func payload() -> [UInt8] {
        var json = JSONPayload(kind: "MediaAccessed")
        json.set("media", json: .array(accesses.map { .array([.string($0.mediaID), .integer($0.atMs)]) }))
        return json.object.canonicalBytes()
    }
}

extension JSONPayload {
    fileprivate func strings(_ name: String) -> [String] {
        object[name]?.arrayValue?.compactMap(\.stringValue) ?? []
    }
}
