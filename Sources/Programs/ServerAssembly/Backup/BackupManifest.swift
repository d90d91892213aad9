package import CanonicalJSON

/// What a backup directory holds: `manifest.json`.
package struct BackupManifest: Sendable {
    /// A run of records in one file.
    package struct Segment: Sendable, Hashable {
        package var file: String
        /// First and last position in it.
        package var first: UInt64
        package var last: UInt64
        package var bytes: Int64
        /// BLAKE2b-256 of the file, hexadecimal.
        package var digest: String
    }

    /// A file that is no record: configuration, key, the log's dictionaries.
    package struct Attachment: Sendable, Hashable {
        package var file: String
        package var bytes: Int64
        package var digest: String
    }

    /// The content of media beside the records.
    package struct Media: Sendable, Hashable {
        package var blobs: Int64 = 0
        /// What the last run copied.
        package var copied: Int64 = 0
        package var copiedBytes: Int64 = 0
        /// Blobs that the log names and the store lacks.
        package var missing: [String] = []
    }

    package static let formatVersion: Int64 = 1

    package var serverName: String
    package var epoch: UInt64
    /// The chain hash of the last record, hexadecimal: what `backup verify` ends at.
    package var chainHead: String
    package var takenAtMs: Int64
    package var segments: [Segment]
    package var attachments: [Attachment]
    package var media = Media()

    /// The last position that can be restored.
    package var head: UInt64 { segments.last?.last ?? 0 }

    package var json: JSONValue {
        [
            "format": .integer(Self.formatVersion),
            "server_name": .string(serverName),
            "epoch": .integer(Int64(clamping: epoch)),
            "chain_head": .string(chainHead),
            "taken_at_ms": .integer(takenAtMs),
            "head": .integer(Int64(clamping: head)),
            "segments": .array(
                segments.map { segment in
                    [
                        "file": .string(segment.file), "first": .integer(Int64(clamping: segment.first)),
                        "last": .integer(Int64(clamping: segment.last)), "bytes": .integer(segment.bytes),
                        "digest": .string(segment.digest),
                    ]
                }),
            "attachments": .array(
                attachments.map { file in
                    ["file": .string(file.file), "bytes": .integer(file.bytes), "digest": .string(file.digest)]
                }),
            "media": [
                "blobs": .integer(media.blobs), "copied": .integer(media.copied),
                "copied_bytes": .integer(media.copiedBytes), "missing": .array(media.missing.map(JSONValue.string)),
            ],
        ]
    }

    package init(serverName: String) {
        self.serverName = serverName
        epoch = 0
        chainHead = ""
        takenAtMs = 0
        segments = []
        attachments = []
    }

    /// Reads a manifest; names what is wrong with a damaged one.
    package init(bytes: [UInt8], path: String) throws {
        func failure(_ what: String) -> DataDirectory.Failure {
            DataDirectory.Failure("\(path) is not a backup manifest: \(what).")
        }
        let json: JSONValue
        do { json = try JSONValue.parse(bytes) } catch { throw failure("\(error)") }
        guard json["format"]?.integerValue == Self.formatVersion else {
            throw failure("its format is not \(Self.formatVersion); it was made by another version of engram")
        }
        func text(_ value: JSONValue, _ name: String) throws -> String {
            guard let text = value[name]?.stringValue else { throw failure("\(name) is missing") }
            return text
        }
        func number(_ value: JSONValue, _ name: String) throws -> Int64 {
            guard let number = value[name]?.integerValue, number >= 0 else { throw failure("\(name) is missing") }
            return number
        }
        func file(_ value: JSONValue) throws -> String {
            let name = try text(value, "file")
            guard !name.contains("/"), !name.hasPrefix(".") else {
                throw failure("the file name \(name) leads elsewhere")
            }
            return name
        }
        serverName = try text(json, "server_name")
        epoch = UInt64(try number(json, "epoch"))
        chainHead = try text(json, "chain_head")
        takenAtMs = try number(json, "taken_at_ms")
        segments = try (json["segments"]?.arrayValue ?? []).map { value in
            Segment(
                file: try file(value), first: UInt64(try number(value, "first")),
                last: UInt64(try number(value, "last")),
                bytes: try number(value, "bytes"), digest: try text(value, "digest"))
        }
        attachments = try (json["attachments"]?.arrayValue ?? []).map { value in
            Attachment(file: try file(value), bytes: try number(value, "bytes"), digest: try text(value, "digest"))
        }
        if let stored = json["media"] {
            media.blobs = stored["blobs"]?.integerValue ?? 0
            media.copied = stored["copied"]?.integerValue ?? 0
            media.copiedBytes = stored["copied_bytes"]?.integerValue ?? 0
            media.missing = stored["missing"]?.arrayValue?.compactMap(\.stringValue) ?? []
        }
        var next: UInt64 = 1
        for segment in segments {
            guard segment.first == next, segment.last >= segment.first else {
                throw failure("the segments do not follow each other at position \(next)")
            }
            next = segment.last + 1
        }
    }
}
