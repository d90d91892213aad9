/// The path and query of a request to another server.
struct RequestTarget {
    private(set) var text: String
    private var hasQuery = false

    /// - Parameters:
    ///   - prefix: literal, such as `/_matrix/federation/v1/event`.
    ///   - segments: appended, each percent-encoded.
    init(_ prefix: String, _ segments: String...) {
        text = prefix
        for segment in segments {
            text += "/"
            text += Self.encoded(segment)
        }
    }

    /// Appends a parameter of the query.
    func adding(_ name: String, _ value: String) -> RequestTarget {
        var target = self
        target.text += hasQuery ? "&" : "?"
        target.text += name + "=" + Self.encoded(value)
        target.hasQuery = true
        return target
    }

    func adding(_ name: String, _ values: some Sequence<String>) -> RequestTarget {
        values.reduce(self) { $0.adding(name, $1) }
    }

    /// What is not "unreserved" (RFC 3986) is encoded: identifiers have slashes, question marks and more in them.
    static func encoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var out: [UInt8] = []
        out.reserveCapacity(text.utf8.count * 3)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                out.append(byte)
            default: out += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
