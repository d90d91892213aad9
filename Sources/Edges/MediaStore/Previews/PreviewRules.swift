package import MatrixIdentifiers
import OutboundHTTP

/// What is looked at for previews, and how much of it.
package struct PreviewRules: Sendable {
    /// An entry of `url_preview_url_blacklist`: a URL is forbidden when all of the parts match.
    package struct Pattern: Sendable, Hashable {
        package var parts: [String: String]

        package init(parts: [String: String]) { self.parts = parts }

        func matches(_ url: WebURL) -> Bool {
            !parts.isEmpty
                && parts.allSatisfy { name, pattern in
                    guard let value = Self.part(name, of: url) else { return false }
                    if pattern.hasPrefix("^") {
                        // A pattern that is no regular expression forbids nothing it was not meant for; the check of the
                        // configuration has said so.
                        guard let expression = try? Regex(pattern) else { return false }
                        return value.prefixMatch(of: expression) != nil
                    }
                    return Glob.matches(Array(value.utf8), Array(pattern.utf8))
                }
        }

        private static func part(_ name: String, of url: WebURL) -> String? {
            let user = url.userInfo.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            switch name {
            case "scheme": return url.isTLS ? "https" : "http"
            case "netloc": return (url.userInfo.isEmpty ? "" : url.userInfo + "@") + url.authority
            case "hostname": return url.host
            case "port": return String(url.port)
            case "path": return url.path
            case "query": return url.query ?? ""
            case "fragment": return url.fragment ?? ""
            case "username": return url.userInfo.isEmpty ? nil : String(user[0])
            case "password": return user.count == 2 ? String(user[1]) : nil
            default: return nil
            }
        }
    }

    /// `url_preview_ip_range_blacklist` and `…_whitelist`.
    package var addresses = AddressPolicy()
    /// `use_insecure_ssl_client_just_for_testing_do_not_use` is not set.
    package var verifiesCertificates = true
    package var forbidden: [Pattern] = []
    /// `max_spider_size`.
    package var maximumBytes = 10 << 20
    /// `url_preview_accept_language`.
    package var languages = ["en"]
    /// For one page or picture with all that it leads to, in milliseconds.
    package var timeoutMs: Int64 = 10_000
    package var mostRedirections = 5
    /// How long an answer is good, in milliseconds.
    package var lifetimeMs: Int64 = 3_600_000
    /// How many pages are looked at at once.
    package var concurrency = 16

    package init() {}
}

/// `*` for any bytes and `?` for one, without the time that patterns of many stars take if each is tried with each.
enum Glob {
    static func matches(_ text: [UInt8], _ pattern: [UInt8]) -> Bool {
        var (at, place) = (0, 0)
        var star: (pattern: Int, text: Int)?
        while at < text.count {
            if place < pattern.count, pattern[place] == UInt8(ascii: "*") {
                star = (place, at)
                place += 1
            } else if place < pattern.count, pattern[place] == UInt8(ascii: "?") || pattern[place] == text[at] {
                at += 1
                place += 1
            } else if let last = star {
                star = (last.pattern, last.text + 1)
                at = last.text + 1
                place = last.pattern + 1
            } else {
                return false
            }
        }
        return pattern[place...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
