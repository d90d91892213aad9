package import CanonicalJSON

/// What the name and value of a one-time key say.
package enum OneTimeKeyName {
    /// "The names of the properties should be in the format `<algorithm>:<key_id>`": what stands before the colon; nil for
    /// a name of another form.
    package static func algorithm(of name: String) -> String? {
        guard let colon = name.utf8.firstIndex(of: UInt8(ascii: ":")), colon != name.utf8.startIndex,
            name.utf8.index(after: colon) != name.utf8.endIndex
        else { return nil }
        return String(name[..<colon])
    }

    /// What makes a key the same key under whatever id: its public part.
    package static func publicPart(of value: JSONValue) -> String {
        if let text = value.stringValue { return text }
        if let text = value["key"]?.stringValue { return text }
        return value.description
    }
}
