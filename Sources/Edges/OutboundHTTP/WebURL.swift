import MatrixIdentifiers

/// An `http` or `https` URL, taken apart strictly: what is asked for is what was judged.
package struct WebURL: Sendable, Hashable {
    package let isTLS: Bool
    package let userInfo: String
    /// A name in lower case or an address; of an IPv6 address without its brackets.
    package let host: String
    package let port: Int
    /// Begins with a slash.
    package let path: String
    /// Without the question mark; nil if there is none.
    package let query: String?
    package let fragment: String?

    private static let longest = 8192

    /// Reads an absolute URL. What is not ASCII is percent-encoded in path and query, and refused in the host.
    package init?(_ text: String) {
        guard let bytes = Self.encoded(text), let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        switch String(decoding: bytes[..<colon], as: UTF8.self).lowercased() {
        case "http": isTLS = false
        case "https": isTLS = true
        default: return nil
        }
        var rest = bytes[(colon + 1)...]
        guard rest.starts(with: "//".utf8) else { return nil }
        rest = rest.dropFirst(2)
        let ends = "/?#\\".utf8
        let end = rest.firstIndex { ends.contains($0) } ?? rest.endIndex
        guard let authority = Self.authority(rest[..<end]) else { return nil }
        userInfo = authority.userInfo
        host = authority.host
        port = authority.port ?? (isTLS ? 443 : 80)
        rest = rest[end...]
        var fragment: String?
        if let mark = rest.firstIndex(of: UInt8(ascii: "#")) {
            fragment = String(decoding: rest[(mark + 1)...], as: UTF8.self)
            rest = rest[..<mark]
        }
        self.fragment = fragment
        var query: String?
        if let mark = rest.firstIndex(of: UInt8(ascii: "?")) {
            query = String(decoding: rest[(mark + 1)...], as: UTF8.self)
            rest = rest[..<mark]
        }
        self.query = query
        let path = String(decoding: rest, as: UTF8.self)
        guard path.isEmpty || path.hasPrefix("/") else { return nil }
        self.path = path.isEmpty ? "/" : path
    }

    /// Reads a reference as a page at `base` means it.
    package init?(_ reference: String, relativeTo base: WebURL) {
        let reference = reference.trimmed
        let scheme = base.isTLS ? "https:" : "http:"
        if let colon = reference.firstIndex(of: ":"),
            reference[..<colon].utf8.allSatisfy({ ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7A }),
            colon != reference.startIndex
        {
            self.init(reference)
        } else if reference.hasPrefix("//") {
            self.init(scheme + reference)
        } else {
            let root = "\(scheme)//\(base.authority)"
            if reference.hasPrefix("/") {
                self.init(root + reference)
            } else if reference.isEmpty || reference.hasPrefix("#") {
                self.init(root + base.target)
            } else if reference.hasPrefix("?") {
                self.init(root + base.path + reference)
            } else {
                let folder = base.path[...(base.path.lastIndex(of: "/") ?? base.path.startIndex)]
                self.init(root + folder + reference)
            }
        }
    }

    /// The path with the query, as it is asked for.
    package var target: String { path + (query.map { "?" + $0 } ?? "") }

    /// What the `Host` header says.
    package var authority: String {
        let name = host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]" : host
        return port == (isTLS ? 443 : 80) ? name : "\(name):\(port)"
    }

    package var text: String { (isTLS ? "https" : "http") + "://\(authority)\(target)" }

    /// Control characters end a line of a request: refused. Spaces and what is not ASCII are encoded.
    private static func encoded(_ text: String) -> [UInt8]? {
        let text = text.trimmed
        guard !text.isEmpty, text.utf8.count <= longest else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.utf8.count)
        let digits = Array("0123456789ABCDEF".utf8)
        for byte in text.utf8 {
            if byte > 0x20 && byte < 0x7F {
                bytes.append(byte)
            } else if byte == 0x20 || byte >= 0x80 {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            } else {
                return nil
            }
        }
        return bytes
    }

    private static func authority(_ bytes: ArraySlice<UInt8>) -> (userInfo: String, host: String, port: Int?)? {
        var rest = bytes
        var userInfo = ""
        if let at = rest.lastIndex(of: UInt8(ascii: "@")) {
            userInfo = String(decoding: rest[..<at], as: UTF8.self)
            rest = rest[(at + 1)...]
        }
        var host: ArraySlice<UInt8>
        var port: ArraySlice<UInt8> = []
        if rest.first == UInt8(ascii: "[") {
            guard let end = rest.firstIndex(of: UInt8(ascii: "]")) else { return nil }
            host = rest[(rest.startIndex + 1)..<end]
            let behind = rest[(end + 1)...]
            guard behind.isEmpty || behind.first == UInt8(ascii: ":") else { return nil }
            port = behind.dropFirst()
            guard AddressRange.bytes(of: String(decoding: host, as: UTF8.self))?.count == 16 else { return nil }
        } else {
            let colon = rest.firstIndex(of: UInt8(ascii: ":")) ?? rest.endIndex
            host = rest[..<colon]
            port = rest[colon...].dropFirst()
            guard host.allSatisfy(isNameByte) else { return nil }
        }
        guard !host.isEmpty, host.count <= 253 else { return nil }
        let name = String(decoding: host, as: UTF8.self).lowercased()
        if port.isEmpty { return (userInfo, name, nil) }
        guard port.count <= 5, port.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = Int(String(decoding: port, as: UTF8.self)), (1...65_535).contains(number)
        else { return nil }
        return (userInfo, name, number)
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"): true
        default: false
        }
    }
}

extension String {
    /// Without the white space around it.
    package var trimmed: String {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
        var bytes = utf8.drop(while: isSpace)
        while let last = bytes.last, isSpace(last) { bytes.removeLast() }
        return String(Substring(bytes))
    }
}
