import CanonicalJSON

/// JSON with a member on each line, for people.
enum PrettyJSON {
    static func text(_ value: JSONValue) -> String {
        var out = ""
        write(value, indent: 0, to: &out)
        return out
    }

    private static func write(_ value: JSONValue, indent: Int, to out: inout String) {
        let pad = String(repeating: "  ", count: indent + 1)
        switch value {
        case .object(let object) where !object.isEmpty:
            out += "{\n"
            var first = true
            for (name, member) in object {
                out += (first ? "" : ",\n") + pad + compact(.string(name)) + ": "
                write(member, indent: indent + 1, to: &out)
                first = false
            }
            out += "\n" + String(repeating: "  ", count: indent) + "}"
        case .array(let array) where !array.isEmpty && array.contains(where: { $0.objectValue != nil }):
            out += "[\n"
            for (index, element) in array.enumerated() {
                out += (index == 0 ? "" : ",\n") + pad
                write(element, indent: indent + 1, to: &out)
            }
            out += "\n" + String(repeating: "  ", count: indent) + "]"
        default: out += compact(value)
        }
    }

    private static func compact(_ value: JSONValue) -> String {
        String(decoding: value.canonicalBytes(), as: UTF8.self)
    }
}
