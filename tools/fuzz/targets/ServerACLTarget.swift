internal import CanonicalJSON
internal import MatrixEvents
internal import MatrixIdentifiers

/// The first line as a server name, the second as a pattern, the rest as the content of `m.room.server_acl`.
enum ServerACLTarget {
    @Sendable static func defect(_ input: [UInt8]) -> String? {
        let lines = input.split(separator: UInt8(ascii: "\n"), maxSplits: 2, omittingEmptySubsequences: false)
        guard let server = ServerName(String(decoding: lines[0], as: UTF8.self)) else { return nil }
        if lines.count > 1, lines[1].count <= 12, server.rawValue.utf8.count <= 40 {
            let pattern = String(decoding: lines[1], as: UTF8.self)
            let acl = ServerACL(content: ["allow": [.string(pattern)]])
            let expected = matches(folded(pattern)[...], folded(server.host)[...])
            if acl.permits(server) != expected { return "the pattern is matched wrongly" }
            let denied = ServerACL(content: ["allow": ["*"], "deny": [.string(pattern)]])
            if denied.permits(server) == expected { return "denied and allowed" }
        }
        guard lines.count > 2 else { return nil }
        do throws(JSONError) {
            let content = try JSONObject.parse(Array(lines[2]), limits: .historicalPDU)
            if let content { _ = ServerACL(content: content).permits(server) }
        } catch {
            return nil
        }
        return nil
    }

    private static func folded(_ text: String) -> [UInt8] {
        text.utf8.map { UInt8(ascii: "A")...UInt8(ascii: "Z") ~= $0 ? $0 + 32 : $0 }
    }

    /// The glob as its definition says it, by trying everything.
    private static func matches(_ pattern: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) -> Bool {
        guard let first = pattern.first else { return name.isEmpty }
        if first == UInt8(ascii: "*") {
            return matches(pattern.dropFirst(), name) || (!name.isEmpty && matches(pattern, name.dropFirst()))
        }
        guard let byte = name.first, first == UInt8(ascii: "?") || first == byte else { return false }
        return matches(pattern.dropFirst(), name.dropFirst())
    }
}
