import CanonicalJSON

/// A dot-separated path of `event_fields`: "`\.` is a dot of the name itself, and `\\` a backslash".
package struct EventFieldPath: Sendable, Hashable {
    let parts: [String]

    package init(_ text: String) {
        var parts: [String] = []
        var part = ""
        var isEscaped = false
        for character in text.unicodeScalars {
            if isEscaped {
                // "Any other escaped sequence is … taken literally, backslash and all."
                if character != "." && character != "\\" { part.unicodeScalars.append("\\") }
                part.unicodeScalars.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "." {
                parts.append(part)
                part = ""
            } else {
                part.unicodeScalars.append(character)
            }
        }
        if isEscaped { part.unicodeScalars.append("\\") }
        parts.append(part)
        self.parts = parts
    }

    /// The rendered event with only the fields that the paths name.
    static func keeping(_ paths: [EventFieldPath], of event: [UInt8]) throws(JSONError) -> [UInt8] {
        guard let whole = try JSONObject.parse(event, limits: .renderedEvent) else { return event }
        var kept = JSONObject()
        for path in paths { path.copy(from: whole, into: &kept) }
        return kept.canonicalBytes()
    }

    private func copy(from source: JSONObject, into target: inout JSONObject) {
        Self.copy(parts[...], from: source, into: &target)
    }

    private static func copy(_ parts: ArraySlice<String>, from source: JSONObject, into target: inout JSONObject) {
        guard let name = parts.first, let value = source[name] else { return }
        let rest = parts.dropFirst()
        if rest.isEmpty {
            target[name] = value
        } else if let inner = value.objectValue {
            var copy = target[name]?.objectValue ?? JSONObject()
            Self.copy(rest, from: inner, into: &copy)
            if copy.keys.isEmpty { return }
            target[name] = .object(copy)
        }
    }
}

extension JSONLimits {
    /// Events as we render them: larger and deeper than the PDU they show, since `unsigned` is added.
    static let renderedEvent: JSONLimits = {
        var limits = JSONLimits.clientBody
        limits.maxBytes = 16 << 20
        limits.maxDepth += 16
        return limits
    }()
}
