internal import CommandHandling
internal import OutboundHTTP

/// The first line as a URL, the rest as a reference in a page that is there.
enum URLsTarget {
    @Sendable static func defect(_ input: [UInt8]) -> String? {
        let end = input.firstIndex(of: UInt8(ascii: "\n")) ?? input.endIndex
        let text = String(decoding: input[..<end], as: UTF8.self)
        if let gateway = GatewayURL(text) {
            guard let web = WebURL(text) else { return "a gateway that is no URL" }
            // Who is judged must be who is asked.
            if !gateway.host.utf8.elementsEqual(web.host.utf8), gateway.host.lowercased() != web.host {
                return "two hosts"
            }
            if gateway.port != web.port || gateway.isTLS != web.isTLS { return "two ports" }
            if let defect = lineDefect(gateway.target + gateway.authority) { return defect }
        }
        guard let url = WebURL(text) else { return nil }
        if let defect = Self.defect(url) { return defect }
        let reference = String(decoding: input[end...].dropFirst(), as: UTF8.self)
        guard let other = WebURL(reference, relativeTo: url) else { return nil }
        return Self.defect(other)
    }

    private static func defect(_ url: WebURL) -> String? {
        if url.host.isEmpty || !(1...65_535).contains(url.port) || !url.path.hasPrefix("/") {
            return "a part is missing"
        }
        if let defect = lineDefect(url.target + url.authority) { return defect }
        guard url.text.utf8.count <= 8192 else { return nil }
        guard let again = WebURL(url.text) else { return "its own text is none: \(url.text)" }
        let isSame =
            again.host == url.host && again.port == url.port && again.isTLS == url.isTLS && again.path == url.path
            && again.query == url.query
        return isSame ? nil : "its own text is another: \(url.text)"
    }

    /// What would end the line of a request, or the word in it.
    private static func lineDefect(_ text: String) -> String? {
        text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } ? nil : "a byte that no request may have"
    }
}
