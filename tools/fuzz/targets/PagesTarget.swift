internal import CanonicalJSON
internal import MediaStore

/// The first line as the type of a page, the rest as the page.
enum PagesTarget {
    @Sendable static func defect(_ input: [UInt8]) -> String? {
        let end = input.firstIndex(of: UInt8(ascii: "\n")) ?? input.endIndex
        let type = String(decoding: input[..<end], as: UTF8.self)
        let graph = OpenGraph(page: Array(input[end...]), contentType: type)
        if graph.members.count > 60 { return "too many members" }
        for (name, value) in graph.members {
            guard let text = value.stringValue else { return "\(name) is no text" }
            if text.utf8.count > 8192 || name.utf8.count > 8192 { return "\(name.prefix(40)) is too long" }
            if name.hasPrefix("og:image:") { return "the page says how large a picture is" }
        }
        if graph.members.canonicalBytes().count > 1 << 20 { return "the preview is too large" }
        if let image = graph.image, image.utf8.count > 8192 { return "the picture's name is too long" }
        return nil
    }
}
