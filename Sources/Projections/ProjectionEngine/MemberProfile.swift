/// The part of a member event that `GET /joined_members` shows.
package enum MemberProfile {
    static func json(_ scan: CanonicalScan, _ content: ContentFields) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(64)
        bytes.append(UInt8(ascii: "{"))
        if let avatar = content.avatarURL, scan.byte(avatar.lowerBound) == UInt8(ascii: "\"") {
            bytes.append(contentsOf: "\"avatar_url\":".utf8)
            bytes.append(contentsOf: scan.slice(avatar))
        }
        if let name = content.displayName, scan.byte(name.lowerBound) == UInt8(ascii: "\"") {
            if bytes.count > 1 { bytes.append(UInt8(ascii: ",")) }
            bytes.append(contentsOf: "\"display_name\":".utf8)
            bytes.append(contentsOf: scan.slice(name))
        }
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    /// The same of a stored member event, which lacks only its closing brace.
    package static func json(clientJSON: UnsafeRawBufferPointer) -> [UInt8] {
        clientJSON.withMemoryRebound(to: UInt8.self) { bytes in
            let scan = CanonicalScan(bytes: bytes)
            guard let content = PDUFields(scan).content else { return Array("{}".utf8) }
            return json(scan, ContentFields(scan, at: content.lowerBound))
        }
    }
}
