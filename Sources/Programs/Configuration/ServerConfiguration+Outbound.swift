import MatrixIdentifiers
import Yams

extension ServerConfiguration {
    /// What the server connects to by itself: push gateways, and all that users name.
    mutating func readOutbound(_ root: Node.Mapping, _ reader: inout YAMLReader) {
        if let push = reader.mapping(root, "push") {
            pushEnabled = reader.flag(push, "enabled", in: "push.") ?? pushEnabled
            pushIncludesContent = reader.flag(push, "include_content", in: "push.") ?? pushIncludesContent
            pushCountsRooms = reader.flag(push, "group_unread_count_by_room", in: "push.") ?? pushCountsRooms
            pushAllowsHTTP = reader.flag(push, "allow_http", in: "push.") ?? pushAllowsHTTP
            reader.warnUnknown(
                push,
                known: ["enabled", "include_content", "group_unread_count_by_room", "allow_http", "jitter_delay"],
                in: "push.")
        }
        if let blocked = reader.ranges(root, "ip_range_blacklist") { outboundPolicy.blocked = blocked }
        if let allowed = reader.ranges(root, "ip_range_whitelist") { outboundPolicy.allowed = allowed }
        let insecure = "use_insecure_ssl_client_just_for_testing_do_not_use"
        if reader.flag(root, insecure) == true {
            verifiesOutboundCertificates = false
            reader.warn(root[insecure], insecure, "lets anybody pose as a push gateway or a web page; only for tests")
        }
    }
}

extension YAMLReader {
    /// Ranges of addresses.
    mutating func ranges(_ map: Node.Mapping, _ name: String) -> [AddressRange]? {
        guard let texts = strings(map, name) else { return nil }
        return texts.compactMap { text in
            if let range = AddressRange(text) { return range }
            refuse(map[name], name, "has \(text), which is no range of addresses such as 10.0.0.0/8 or fe80::/10")
            return nil
        }
    }
}
