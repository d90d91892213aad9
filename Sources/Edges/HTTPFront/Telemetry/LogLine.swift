import CanonicalJSON

/// How one line of the log is rendered.
enum LogLine {
    typealias Pairs = [(String, String)]

    /// `2026-01-31T12:00:00.000Z info  message key=value key="value with spaces"`
    static func appendPlain(
        _ time: CivilTime, _ level: StructuredLog.Level, _ message: String, _ pairs: Pairs, to bytes: inout [UInt8]
    ) {
        time.appendISO8601(to: &bytes)
        bytes.append(0x20)
        bytes += level.name.utf8
        bytes.append(0x20)
        appendClean(message, to: &bytes)
        for (name, value) in pairs {
            bytes.append(0x20)
            appendClean(name, to: &bytes)
            bytes.append(UInt8(ascii: "="))
            let isBare = !value.isEmpty && value.utf8.allSatisfy { $0 > 0x20 && $0 != 0x22 && $0 != 0x3D && $0 != 0x7F }
            if isBare { bytes += value.utf8 } else { appendQuoted(value, to: &bytes) }
        }
        bytes.append(0x0A)
    }

    /// One JSON object; `time`, `level` and `message` come first.
    static func appendJSON(
        _ time: CivilTime, _ level: StructuredLog.Level, _ message: String, _ pairs: Pairs, to bytes: inout [UInt8]
    ) {
        bytes += #"{"time":""#.utf8
        time.appendISO8601(to: &bytes)
        bytes += #"","level":""#.utf8
        bytes += level.name.utf8
        bytes += #"","message":"#.utf8
        appendQuoted(message, to: &bytes)
        for (name, value) in pairs {
            bytes.append(UInt8(ascii: ","))
            appendQuoted(name, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            appendQuoted(value, to: &bytes)
        }
        bytes += "}\n".utf8
    }

    private static func appendQuoted(_ text: String, to bytes: inout [UInt8]) {
        JSONValue.string(text).writeCanonical(into: &bytes)
    }

    /// Control characters could forge a second line or drive a terminal.
    private static func appendClean(_ text: String, to bytes: inout [UInt8]) {
        for byte in text.utf8 { bytes.append(byte < 0x20 || byte == 0x7F ? UInt8(ascii: "?") : byte) }
    }
}
