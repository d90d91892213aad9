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
        if let blocked = ranges(root, "ip_range_blacklist", &reader) { outboundPolicy.blocked = blocked }
        if let allowed = ranges(root, "ip_range_whitelist", &reader) { outboundPolicy.allowed = allowed }
        let insecure = "use_insecure_ssl_client_just_for_testing_do_not_use"
        if reader.flag(root, insecure) == true {
            verifiesOutboundCertificates = false
            reader.warn(root[insecure], insecure, "lets anybody pose as a push gateway or a web page; only for tests")
        }
    }

    private func ranges(
        _ root: Node.Mapping, _ name: String, _ reader: inout YAMLReader
    ) -> [AddressRange]? {
        guard let texts = reader.strings(root, name) else { return nil }
        return texts.compactMap { text in
            if let range = AddressRange(text) { return range }
            reader.refuse(
                root[name], name, "has \(text), which is no range of addresses such as 10.0.0.0/8 or fe80::/10")
            return nil
        }
    }
}
