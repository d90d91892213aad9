package import CanonicalJSON

/// The part of a member event that `GET /joined_members` shows.
package enum MemberProfile {
    package static func json(content: JSONView) -> [UInt8] {
        json(avatar: content["avatar_url"], name: content["displayname"])
    }

    /// The same of a stored member event.
    package static func json(clientJSON: UnsafeRawBufferPointer) throws(JSONError) -> [UInt8] {
        var closed = [UInt8](clientJSON)
        closed.append(UInt8(ascii: "}"))
        let root = try JSONDocument(parsing: closed, limits: .stored).root
        return json(avatar: root["content"]?["avatar_url"], name: root["content"]?["displayname"])
    }

    private static func json(avatar: JSONView?, name: JSONView?) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(64)
        bytes.append(UInt8(ascii: "{"))
        if let avatar, avatar.kind == .string {
            bytes.append(contentsOf: "\"avatar_url\":".utf8)
            avatar.writeCanonical(into: &bytes)
        }
        if let name, name.kind == .string {
            if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: "\"display_name\":".utf8)
            name.writeCanonical(into: &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }
}
