/// A pattern for hosts: `*` stands for any run of characters, `?` for one; the rest for itself, without regard to case.
package struct HostPattern: Sendable, Hashable {
    private let bytes: [UInt8]

    package init(_ text: String) {
        bytes = Self.folded(text)
    }

    package func matches(_ host: String) -> Bool {
        let host = Self.folded(host)
        var (at, inPattern) = (0, 0)
        // Where the last star stands, and what of the host it has taken so far.
        var star: (inPattern: Int, taken: Int)?
        while at < host.count {
            if inPattern < bytes.count, bytes[inPattern] == UInt8(ascii: "*") {
                star = (inPattern, at)
                inPattern += 1
            } else if inPattern < bytes.count, bytes[inPattern] == UInt8(ascii: "?") || bytes[inPattern] == host[at] {
                at += 1
                inPattern += 1
            } else if let last = star {
                star = (last.inPattern, last.taken + 1)
                at = last.taken + 1
                inPattern = last.inPattern + 1
            } else {
                return false
            }
        }
        return bytes[inPattern...].allSatisfy { $0 == UInt8(ascii: "*") }
    }

    private static func folded(_ text: String) -> [UInt8] {
        text.utf8.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 + 32 : $0 }
    }
}
