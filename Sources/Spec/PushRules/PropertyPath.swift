import CanonicalJSON

/// A dot-separated path to a property of an event.
struct PropertyPath: Sendable, Hashable {
    let text: String
    let names: [String]

    /// "any literal dot or backslash found in a property name should be escaped with a backslash. […] Other escape sequences
    /// are left as-is, e.g. a `\x` would be treated as a literal backslash followed by 'x'."
    init(_ text: String) {
        self.text = text
        var names: [String] = []
        var name: [UInt8] = []
        var isEscaped = false
        for byte in text.utf8 {
            if isEscaped {
                if byte != UInt8(ascii: "."), byte != UInt8(ascii: "\\") { name.append(UInt8(ascii: "\\")) }
                name.append(byte)
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: ".") {
                names.append(String(decoding: name, as: UTF8.self))
                name = []
            } else {
                name.append(byte)
            }
        }
        if isEscaped { name.append(UInt8(ascii: "\\")) }
        names.append(String(decoding: name, as: UTF8.self))
        self.names = names
    }

    /// "As a special case, if `key` is `content.body`".
    var isBody: Bool { text.utf8.elementsEqual("content.body".utf8) }

    static let body = PropertyPath("content.body")
}
