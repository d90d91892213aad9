import Glibc

/// The machine's wall clock, the only place that reads it for the server and the command line.
package enum WallClock {
    /// Milliseconds since 1970.
    package static func nowMs() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// A wall time for people: `2026-11-21 04:30:00.123 UTC`.
    package static func text(_ ms: Int64) -> String {
        var seconds = time_t(ms >= 0 ? ms / 1000 : 0)
        var parts = tm()
        gmtime_r(&seconds, &parts)
        func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let millis = String(1000 + (ms >= 0 ? ms % 1000 : 0)).dropFirst()
        return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday)) "
            + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).\(millis) UTC"
    }
}
