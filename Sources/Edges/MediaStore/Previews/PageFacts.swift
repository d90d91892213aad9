/// What a page says of itself that a preview can use.
struct PageFacts: Sendable, Hashable {
    /// Of `<meta property=… content=…>` or `name=…`, the first of each, in order.
    var metas: [(name: String, content: String)] = []
    var title = ""
    /// The text of the first heading.
    var heading = ""
    /// The beginning of what is to be read, words parted by single spaces.
    var text = ""
    /// `<link rel="image_src">`, or `itemprop="image"`.
    var linkedImage: String?
    /// The picture with the largest sides that are written down, or else the first.
    var image: String?
    var imageArea = -1
    var icon: String?
    /// Where the page's oEmbed is.
    var oEmbed: String?

    func meta(_ name: String) -> String? { metas.first { $0.name.utf8.elementsEqual(name.utf8) }?.content }

    static func == (left: PageFacts, right: PageFacts) -> Bool { left.title == right.title && left.text == right.text }
    func hash(into hasher: inout Hasher) { hasher.combine(title) }
}
