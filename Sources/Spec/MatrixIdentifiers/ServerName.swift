/// The name of a homeserver: `server_name = hostname [ ":" port ]`.
///
/// "Server names must be treated case-sensitively."
package struct ServerName: MatrixIdentifier {
    package let rawValue: String

    package init(parsing string: String) throws(IdentifierError) {
        try IdentifierBytes.checkText(string, .serverName)
        if let reason = ServerName.defect(of: string[...]) { throw IdentifierError(.serverName, reason) }
        rawValue = string
    }

    /// Wraps a string that has been parsed as part of a larger identifier.
    init(validated string: String) {
        rawValue = string
    }

    /// The host without the port; an IPv6 address keeps its brackets.
    package var host: String {
        String(ServerName.split(rawValue[...]).host)
    }

    /// The port, when the name has one.
    package var port: UInt16? {
        ServerName.split(rawValue[...]).port.flatMap { UInt16($0) }
    }

    /// Whether the host is an IPv4 or IPv6 address and no DNS name.
    package var isAddressLiteral: Bool {
        let host = ServerName.split(rawValue[...]).host
        return host.utf8.first == UInt8(ascii: "[") || ServerName.looksLikeIPv4(host)
    }

    static func isValid(_ string: Substring) -> Bool {
        !string.isEmpty && string.utf8.count <= IdentifierBytes.maxCount && defect(of: string) == nil
    }

    private static func defect(of string: Substring) -> IdentifierError.Reason? {
        // Behind this line characters, scalars and bytes are the same thing.
        guard string.utf8.allSatisfy({ 0x21...0x7E ~= $0 }) else { return .invalidHost }
        let (host, port) = split(string)
        if let port {
            // "port = 1*5DIGIT"; no port is greater than 65535.
            let isNumber = 1...5 ~= port.utf8.count && port.utf8.allSatisfy(isDigit)
            guard isNumber, UInt16(port) != nil else { return .invalidPort }
        }
        if host.utf8.first == UInt8(ascii: "[") {
            guard host.utf8.last == UInt8(ascii: "]") else { return .invalidHost }
            return isIPv6(host.dropFirst().dropLast()) ? nil : .invalidHost
        }
        guard !host.isEmpty, host.utf8.allSatisfy(isDNSCharacter) else { return .invalidHost }
        // "IPv4 literals must be a sequence of four decimal numbers in the range 0 to 255, separated by `.`."
        if looksLikeIPv4(host), !isIPv4(host) { return .invalidHost }
        return nil
    }

    /// Splits off what stands behind the last colon that is not inside brackets.
    private static func split(_ string: Substring) -> (host: Substring, port: Substring?) {
        guard let colon = string.utf8.lastIndex(of: IdentifierBytes.colon) else { return (string, nil) }
        let port = string[string.utf8.index(after: colon)...]
        guard !port.utf8.contains(UInt8(ascii: "]")) else { return (string, nil) }
        return (string[..<colon], port)
    }

    /// "dns-char = DIGIT / ALPHA / "-" / ".""
    private static func isDNSCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte
    }

    private static func isHexadecimalDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
            UInt8(ascii: "A")...UInt8(ascii: "F"):
            true
        default: false
        }
    }

    private static func looksLikeIPv4(_ host: Substring) -> Bool {
        // Nearly every name has a letter, and is done with before anything is split.
        guard host.utf8.allSatisfy({ isDigit($0) || $0 == UInt8(ascii: ".") }) else { return false }
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4 && numbers.allSatisfy { !$0.isEmpty && $0.utf8.allSatisfy(isDigit) }
    }

    private static func isIPv4(_ host: Substring) -> Bool {
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4
            && numbers.allSatisfy { 1...3 ~= $0.utf8.count && $0.utf8.allSatisfy(isDigit) && UInt8($0) != nil }
    }

    /// "IPv6 literals must be as specified by RFC3513, section 2.2": eight groups, a run of zero groups written `::` at
    /// most once, the last two groups possibly as IPv4.
    private static func isIPv6(_ address: Substring) -> Bool {
        guard 2...45 ~= address.utf8.count else { return false }
        var groups = 0
        var gaps = 0
        let parts = address.split(separator: ":", omittingEmptySubsequences: false)
        for (index, part) in parts.enumerated() {
            if part.isEmpty {
                // A gap at either end shows as two empty parts, of which the outer one must be the outermost.
                let isOuter = index == 0 || index == parts.count - 1
                if isOuter {
                    guard parts[index == 0 ? 1 : index - 1].isEmpty else { return false }
                } else {
                    gaps += 1
                }
            } else if index == parts.count - 1, isIPv4(part) {
                groups += 2
            } else {
                guard part.utf8.count <= 4, part.utf8.allSatisfy(isHexadecimalDigit) else { return false }
                groups += 1
            }
        }
        return parts.count >= 3 && (gaps == 0 ? groups == 8 : gaps == 1 && groups <= 7)
    }
}
