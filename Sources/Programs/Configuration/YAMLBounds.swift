/// Refuses, before the parser sees it, text whose parsing would take the stack or exponential time.
///
/// The parser recurses once per level of nesting and hashes every key to find duplicates, so depth and aliases inside
/// keys are bounded here. The check reads lines and not YAML: it may refuse more than it has to, but nothing that
/// looks like a configuration.
enum YAMLBounds {
    /// Why a text is not given to the parser.
    struct Fault: Error {
        var line: Int
        var column: Int
        var what: String
    }

    /// Deeper than any setting is, and far from the end of a thread's stack.
    static let depth = 64

    static func check(_ bytes: [UInt8], depth limit: Int = depth) throws(Fault) {
        let usesAliases = containsAnchorAndAlias(bytes)
        var line = 1
        var column = 0
        var open = 0
        var dashes = 0
        var atLineStart = true
        var indentation = 0
        var previous = UInt8(ascii: "\n")
        for (index, byte) in bytes.enumerated() {
            column += 1
            switch byte {
            case UInt8(ascii: "\n"):
                line += 1
                (column, dashes, indentation, atLineStart) = (0, 0, 0, true)
            case UInt8(ascii: " "):
                if atLineStart { indentation += 1 }
            case UInt8(ascii: "-"), UInt8(ascii: "?"):
                if atLineStart { dashes += 1 }
                if usesAliases, byte == UInt8(ascii: "?"), isIndicator(bytes, at: index, after: previous) {
                    throw aliasInKey(line: line, column: column)
                }
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                open += 1
                atLineStart = false
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                open = max(0, open - 1)
                atLineStart = false
                if usesAliases, isKey(bytes, endingAt: index) { throw aliasInKey(line: line, column: column) }
            case UInt8(ascii: "*"):
                atLineStart = false
                if usesAliases, let end = aliasEnd(bytes, at: index, after: previous), isKey(bytes, endingAt: end) {
                    throw aliasInKey(line: line, column: column)
                }
            default:
                atLineStart = false
            }
            // Two columns a level are the least that anyone indents; a line may open several lists by dashes.
            if open > limit || dashes > limit || (atLineStart && indentation > limit * 4) {
                throw Fault(
                    line: line, column: column,
                    what: "is nested more than \(limit) deep; compare it with what `engram init` writes")
            }
            previous = byte
        }
    }

    private static func aliasInKey(line: Int, column: Int) -> Fault {
        Fault(
            line: line, column: column,
            what: "names a setting by a list, a section or an alias; write `name: value`")
    }

    /// Whether the byte is followed by a space or the line's end, and stands where a token may begin.
    private static func isIndicator(_ bytes: [UInt8], at index: Int, after previous: UInt8) -> Bool {
        let next = index + 1 < bytes.count ? bytes[index + 1] : UInt8(ascii: "\n")
        return isSpace(next) && (isSpace(previous) || "[{,-".utf8.contains(previous))
    }

    /// Whether a colon makes what ends here the key of a mapping.
    private static func isKey(_ bytes: [UInt8], endingAt index: Int) -> Bool {
        var next = index + 1
        while next < bytes.count, bytes[next] == UInt8(ascii: " ") || bytes[next] == UInt8(ascii: "\t") { next += 1 }
        guard next < bytes.count, bytes[next] == UInt8(ascii: ":") else { return false }
        return next + 1 == bytes.count || isSpace(bytes[next + 1]) || "[{,}\"'".utf8.contains(bytes[next + 1])
    }

    /// The last byte of the alias that begins here.
    private static func aliasEnd(_ bytes: [UInt8], at index: Int, after previous: UInt8) -> Int? {
        guard isSpace(previous) || "[{,:-".utf8.contains(previous) else { return nil }
        var end = index
        while end + 1 < bytes.count, isNameByte(bytes[end + 1]) { end += 1 }
        return end > index ? end : nil
    }

    private static func containsAnchorAndAlias(_ bytes: [UInt8]) -> Bool {
        var anchors = false
        var aliases = false
        for index in bytes.indices.dropLast() where isNameByte(bytes[index + 1]) {
            if bytes[index] == UInt8(ascii: "&") { anchors = true }
            if bytes[index] == UInt8(ascii: "*") { aliases = true }
        }
        return anchors && aliases
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\t")
            || byte == UInt8(ascii: "\r")
    }
}
