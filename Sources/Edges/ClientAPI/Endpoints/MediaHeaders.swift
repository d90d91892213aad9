/// The header fields with which media are given out, so that no browser runs them.
package enum MediaHeaders {
    /// > The recommended policy is […]
    private static let policy =
        "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; style-src 'unsafe-inline'; "
        + "object-src 'self';"

    static func fields(contentType: String, fileName: String?, hasLogin: Bool) -> [(String, String)] {
        [
            ("Content-Type", contentType),
            ("Content-Disposition", disposition(contentType: contentType, fileName: fileName)),
            ("Content-Security-Policy", policy),
            ("X-Content-Type-Options", "nosniff"),
            ("Cross-Origin-Resource-Policy", "cross-origin"),
            ("Referrer-Policy", "no-referrer"),
            ("X-Robots-Tag", "noindex, nofollow, noarchive, noimageindex"),
            // Content never changes under its ID; but it may be quarantined, so a day must do. What needs a login is in no
            // cache that others read.
            ("Cache-Control", (hasLogin ? "private" : "public") + ", max-age=86400, immutable"),
        ]
    }

    /// Names the bytes: a part of the blob's name, which nobody can turn into a path.
    static func entityTag(_ blob: String, _ variant: String = "") -> String { "\"\(blob.prefix(32))\(variant)\"" }

    /// > Servers SHOULD restrict `Content-Type` headers to one of the following values when serving content with
    /// > `Content-Disposition: inline`
    private static let inlineTypes: Set<String> = [
        "text/css", "text/plain", "text/csv", "application/json", "application/ld+json", "image/jpeg", "image/gif",
        "image/png", "image/apng", "image/webp", "image/avif", "video/mp4", "video/webm", "video/ogg",
        "video/quicktime", "audio/mp4", "audio/webm", "audio/aac", "audio/mpeg", "audio/ogg", "audio/wave", "audio/wav",
        "audio/x-wav", "audio/x-pn-wav", "audio/flac", "audio/x-flac",
    ]

    /// The `Content-Disposition` field.
    package static func disposition(contentType: String, fileName: String?) -> String {
        let type = contentType.split(separator: ";").first.map { $0.filter { $0 != " " }.lowercased() } ?? ""
        let kind = inlineTypes.contains(type) ? "inline" : "attachment"
        guard let fileName, !fileName.isEmpty else { return kind }
        return kind + "; " + parameter(fileName)
    }

    /// A name in plain letters in quotes; any other as RFC 8187 writes it.
    private static func parameter(_ fileName: String) -> String {
        if fileName.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) {
            var quoted = "filename=\""
            for letter in fileName {
                if letter == "\"" || letter == "\\" { quoted += "\\" }
                quoted.append(letter)
            }
            return quoted + "\""
        }
        var encoded = "filename*=utf-8''"
        let digits = Array("0123456789ABCDEF".unicodeScalars)
        for byte in fileName.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                encoded += "%"
                encoded.unicodeScalars.append(digits[Int(byte >> 4)])
                encoded.unicodeScalars.append(digits[Int(byte & 15)])
            }
        }
        return encoded
    }
}
