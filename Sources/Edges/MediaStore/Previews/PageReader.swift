import CMedia
import OutboundHTTP

/// Reads a page with libxml2's parser of HTML, which tells of elements as they come: nothing grows with the page but what
/// is kept, and that is bounded.
final class PageReader {
    /// A page that is nested deeper is not read on: closing elements costs the parser time for each that is open.
    private static let deepest = 200
    private static let mostElements = 100_000
    private static let mostMetas = 200
    private static let longestValue = 2000
    private static let longestText = 1000

    private var facts = PageFacts()
    private var depth = 0
    private var elements = 0
    /// How many open elements have text that is not to be read.
    private var hidden = 0
    private var isInBody = false
    private var capture: Capture?
    private var parser: htmlParserCtxtPtr?

    private enum Capture { case title, heading }

    /// Reads a page in UTF-8.
    static func facts(of page: [UInt8]) -> PageFacts {
        let reader = PageReader()
        reader.read(page)
        return reader.facts
    }

    private func read(_ page: [UInt8]) {
        let user = Unmanaged.passUnretained(self).toOpaque()
        let parser = engram_html_parser(
            user,
            { user, name, attributes in PageReader.from(user)?.start(name, attributes) },
            { user, name in PageReader.from(user)?.end(name) },
            { user, text, length in PageReader.from(user)?.characters(text, length) })
        guard let parser else { return }
        self.parser = parser
        var offset = 0
        while offset < page.count, parser.pointee.disableSAX == 0 {
            let count = min(16 << 10, page.count - offset)
            page.withUnsafeBytes { bytes in
                let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self).advanced(by: offset)
                htmlParseChunk(parser, start, Int32(count), 0)
            }
            offset += count
        }
        htmlParseChunk(parser, nil, 0, 1)
        self.parser = nil
        htmlFreeParserCtxt(parser)
    }

    private static func from(_ user: UnsafeMutableRawPointer?) -> PageReader? {
        user.map { Unmanaged<PageReader>.fromOpaque($0).takeUnretainedValue() }
    }

    private func stop() {
        if let parser { xmlStopParser(parser) }
    }

    // MARK: - What the parser tells

    private static let hiding: Set<String> = [
        "script", "style", "noscript", "svg", "template", "header", "nav", "aside", "footer", "iframe", "video",
        "audio",
        "canvas", "picture", "form", "select", "button", "object",
    ]
    private static let alone: Set<String> = ["meta", "link", "img", "br", "hr", "input", "source", "base", "wbr"]
    private static let headings: Set<String> = ["h1", "h2", "h3"]

    private func start(
        _ name: UnsafePointer<xmlChar>?, _ attributes: UnsafeMutablePointer<UnsafePointer<xmlChar>?>?
    ) {
        guard let name = Self.text(name) else { return }
        elements += 1
        depth += 1
        guard depth <= Self.deepest, elements <= Self.mostElements else { return stop() }
        switch name {
        case "body": isInBody = true
        case "title" where facts.title.isEmpty && !isInBody: capture = .title
        case "meta": meta(Self.dictionary(attributes))
        case "link": link(Self.dictionary(attributes))
        case "img": image(Self.dictionary(attributes))
        case _ where Self.headings.contains(name) && facts.heading.isEmpty: capture = .heading
        case _ where Self.hiding.contains(name): hidden += 1
        default: break
        }
        if isInBody { space() }
    }

    private func end(_ name: UnsafePointer<xmlChar>?) {
        guard let name = Self.text(name) else { return }
        depth = max(0, depth - 1)
        if Self.hiding.contains(name) { hidden = max(0, hidden - 1) }
        if name == "title" || Self.headings.contains(name) { capture = nil }
        if name == "head" { isInBody = true }
        if isInBody { space() }
    }

    private func characters(_ text: UnsafePointer<xmlChar>?, _ length: Int32) {
        guard let text, length > 0 else { return }
        let bytes = UnsafeBufferPointer(start: text, count: Int(length))
        switch capture {
        case .title: Self.append(bytes, to: &facts.title, atMost: Self.longestValue)
        case .heading: Self.append(bytes, to: &facts.heading, atMost: Self.longestValue)
        case nil: break
        }
        guard isInBody, hidden == 0, capture == nil else { return }
        Self.append(bytes, to: &facts.text, atMost: Self.longestText)
    }

    private func space() {
        if facts.text.utf8.last.map({ $0 != 0x20 }) ?? false { facts.text += " " }
    }

    /// Appends with runs of white space as one space.
    private static func append(_ bytes: UnsafeBufferPointer<UInt8>, to text: inout String, atMost limit: Int) {
        guard text.utf8.count < limit else { return }
        var clean: [UInt8] = []
        var wasSpace = text.utf8.last.map { $0 == 0x20 } ?? true
        for byte in bytes.prefix(limit * 2) {
            let isSpace = byte == 0x20 || (0x09...0x0D).contains(byte)
            if !isSpace { clean.append(byte) } else if !wasSpace { clean.append(0x20) }
            wasSpace = isSpace
        }
        text += String(decoding: clean, as: UTF8.self)
    }

    // MARK: - Elements

    private func meta(_ attributes: [String: String]) {
        guard let content = attributes["content"]?.trimmed, !content.isEmpty, facts.metas.count < Self.mostMetas else {
            return
        }
        if attributes["itemprop"] == "image", facts.linkedImage == nil { facts.linkedImage = content }
        guard let name = attributes["property"] ?? attributes["name"] else { return }
        let lower = name.trimmed.lowercased()
        guard facts.meta(lower) == nil else { return }
        facts.metas.append((lower, content))
    }

    private func link(_ attributes: [String: String]) {
        guard let href = attributes["href"], !href.isEmpty else { return }
        let relations = (attributes["rel"] ?? "").lowercased().split(separator: " ")
        if relations.contains("image_src"), facts.linkedImage == nil { facts.linkedImage = href }
        if relations.contains("icon"), facts.icon == nil { facts.icon = href }
        if relations.contains("alternate"), attributes["type"]?.lowercased() == "application/json+oembed",
            facts.oEmbed == nil
        {
            facts.oEmbed = href
        }
    }

    private func image(_ attributes: [String: String]) {
        guard hidden == 0, let source = attributes["src"], !source.isEmpty, !source.hasPrefix("data:") else { return }
        let width = attributes["width"].flatMap { Int($0) } ?? 0
        let height = attributes["height"].flatMap { Int($0) } ?? 0
        let isTiny = (attributes["width"] != nil && width <= 10) || (attributes["height"] != nil && height <= 10)
        let area = min(max(width, 0), 1 << 16) * min(max(height, 0), 1 << 16)
        guard !isTiny, area > facts.imageArea else { return }
        facts.imageArea = area
        facts.image = source
    }

    private static func text(_ pointer: UnsafePointer<xmlChar>?) -> String? {
        pointer.map { pointer in
            var length = 0
            while length < longestValue * 4, pointer[length] != 0 { length += 1 }
            return String(decoding: UnsafeBufferPointer(start: pointer, count: length), as: UTF8.self)
        }
    }

    private static func dictionary(_ attributes: UnsafeMutablePointer<UnsafePointer<xmlChar>?>?) -> [String: String] {
        guard let attributes else { return [:] }
        var found: [String: String] = [:]
        var index = 0
        while index < 64, let name = text(attributes[index]) {
            let value = text(attributes[index + 1]) ?? ""
            if value.utf8.count <= longestValue, found[name.lowercased()] == nil { found[name.lowercased()] = value }
            index += 2
        }
        return found
    }
}
