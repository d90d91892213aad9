package import CanonicalJSON
import OutboundHTTP

/// Makes the members of a preview from what a page says of itself.
package struct OpenGraph {
    package private(set) var members = JSONObject()
    /// The picture to fetch, as the page names it.
    package private(set) var image: String?

    private static let mostMembers = 50
    private static let longestText = 500

    /// A page as it came, in whatever charset.
    package init(page: [UInt8], contentType: String) {
        self.init(PageReader.facts(of: PageCharset.utf8(page, contentType: contentType)))
    }

    init(_ facts: PageFacts) {
        for (name, content) in facts.metas where name.hasPrefix("og:") && members.count < Self.mostMembers {
            set(name, content)
        }
        // Twitter's names say the same; they fill what is missing.
        for (name, content) in facts.metas where name.hasPrefix("twitter:") && members.count < Self.mostMembers {
            let own = "og:" + name.dropFirst(8)
            let isOfTwitter = ["og:card", "og:site", "og:creator"].contains(own) || own.hasPrefix("og:app:")
            if !isOfTwitter, members[own] == nil { set(own, content) }
        }
        if members["og:title"] == nil {
            let title = [facts.title, facts.heading].map(\.trimmed).first { !$0.isEmpty }
            if let title { set("og:title", title) }
        }
        if members["og:description"] == nil {
            let text = facts.meta("description")?.trimmed ?? facts.text.trimmed
            if !text.isEmpty { set("og:description", Self.shortened(text)) }
        }
        let named = ["og:image:secure_url", "og:image", "og:image:url"].compactMap { members[$0]?.stringValue }.first
        image = named ?? facts.linkedImage ?? facts.image ?? facts.icon
        // What is said of the picture is measured when it is there, not believed.
        forgetImage()
    }

    /// An answer of an oEmbed endpoint.
    mutating func add(oEmbed answer: JSONObject) {
        func text(_ name: String) -> String? { answer[name]?.stringValue?.trimmed }
        if let title = text("title"), !title.isEmpty { set("og:title", title) }
        if let provider = text("provider_name"), !provider.isEmpty { set("og:site_name", provider) }
        switch text("type") {
        case "photo": image = text("url") ?? text("thumbnail_url") ?? image
        case "rich":
            image = text("thumbnail_url") ?? image
            if let html = text("html"), members["og:description"] == nil || members["og:title"] == nil {
                let words = PageReader.facts(of: Array("<body>\(html)</body>".utf8)).text.trimmed
                if !words.isEmpty { set("og:description", Self.shortened(words)) }
            }
        default: image = text("thumbnail_url") ?? image
        }
    }

    mutating func setImage(uri: String, contentType: String, bytes: Int, header: ImageHeader?) {
        members["og:image"] = .string(uri)
        members["og:image:type"] = .string(contentType)
        members["matrix:image:size"] = .integer(Int64(bytes))
        if let header {
            members["og:image:width"] = .integer(Int64(header.width))
            members["og:image:height"] = .integer(Int64(header.height))
        }
    }

    mutating func set(_ name: String, _ value: String) { members[name] = .string(value) }

    private mutating func forgetImage() {
        for name in members.map(\.key) where name == "og:image" || name.hasPrefix("og:image:") { members[name] = nil }
        members["matrix:image:size"] = nil
    }

    /// The beginning of a text, up to the end of a word.
    private static func shortened(_ text: String) -> String {
        guard text.unicodeScalars.count > longestText else { return text }
        let cut = String(String.UnicodeScalarView(text.unicodeScalars.prefix(longestText)))
        guard let space = cut.lastIndex(of: " ") else { return cut + "…" }
        return cut[..<space] + "…"
    }
}
