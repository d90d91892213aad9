import OutboundHTTP

/// For how long an answer may be remembered, as its header fields say.
enum CacheLifetime {
    /// Milliseconds; nil when they do not say.
    static func of(_ answer: OutboundAnswer, nowMs: Int64) -> Int64? {
        var seconds: Int64?
        for part in answer.cacheControl.split(separator: ",") {
            let directive = String(part).trimmed.lowercased()
            if directive == "no-store" || directive == "no-cache" { return 0 }
            guard directive.hasPrefix("max-age=") else { continue }
            let digits = directive.dropFirst("max-age=".count).filter { $0 != "\"" }
            // A number of more digits than fit is one of very long.
            guard isNumber(digits[...]) else { continue }
            seconds = Int64(digits) ?? .max
        }
        if let seconds { return seconds.multipliedReportingOverflow(by: 1000).overflow ? .max : seconds * 1000 }
        guard let expires = answer.expires, let time = milliseconds(of: expires) else { return nil }
        return max(time - nowMs, 0)
    }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    /// A date as `Sun, 06 Nov 1994 08:49:37 GMT`, the only form that may still be sent (RFC 9110, section 5.6.7).
    private static func milliseconds(of date: String) -> Int64? {
        guard date.utf8.count == 29, date.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
        let parts = date.split { $0 == " " || $0 == ":" }.map(String.init)
        guard parts.count == 8, parts[7] == "GMT", let month = months.firstIndex(of: parts[2]),
            [parts[1], parts[3], parts[4], parts[5], parts[6]].allSatisfy({ isNumber($0[...]) }),
            let day = Int64(parts[1]), let year = Int64(parts[3]), let hour = Int64(parts[4]),
            let minute = Int64(parts[5]), let second = Int64(parts[6]),
            1...31 ~= day, 1970...9999 ~= year, hour < 24, minute < 60, second < 61
        else { return nil }
        // Days are counted from 1 March, so that the leap day is the last of its year.
        let shiftedYear = month < 2 ? year - 1 : year
        let shiftedMonth = Int64((month + 10) % 12)
        let days =
            shiftedYear * 365 + shiftedYear / 4 - shiftedYear / 100 + shiftedYear / 400
            + (153 * shiftedMonth + 2) / 5 + day - 1 - 719_468
        return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000
    }

    private static func isNumber(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { (0x30...0x39).contains($0) }
    }
}
