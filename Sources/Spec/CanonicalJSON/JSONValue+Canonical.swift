extension JSONValue {
    /// The Matrix canonical JSON of this value.
    ///
    /// Doubles that are no integers in ±(2^53 - 1) have no canonical form; they are written as JavaScript would, so that
    /// client data survives. What is to be signed must not contain any.
    package func canonicalBytes() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(1024)
        writeCanonical(into: &bytes)
        return bytes
    }

    /// Appends the Matrix canonical JSON of this value.
    package func writeCanonical(into bytes: inout [UInt8]) {
        switch self {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(true): bytes.append(contentsOf: "true".utf8)
        case .bool(false): bytes.append(contentsOf: "false".utf8)
        case .integer(let value): JSONText.append(value, to: &bytes)
        case .double(let value): JSONText.append(value, to: &bytes)
        case .string(let value): JSONText.append(value, to: &bytes)
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            var isFirst = true
            for element in elements {
                if !isFirst { bytes.append(UInt8(ascii: ",")) }
                isFirst = false
                element.writeCanonical(into: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let object): object.writeCanonical(into: &bytes)
        }
    }

    /// Whether every number in this value is an integer in ±(2^53 - 1), as canonical JSON demands.
    package var hasOnlyCanonicalNumbers: Bool {
        switch self {
        case .null, .bool, .string: true
        case .integer(let value): SourceText.exactIntegers.contains(value)
        case .double: false
        case .array(let elements): elements.allSatisfy(\.hasOnlyCanonicalNumbers)
        case .object(let object): object.hasOnlyCanonicalNumbers
        }
    }
}

extension JSONObject {
    /// The Matrix canonical JSON of this object.
    package func canonicalBytes() -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(1024)
        writeCanonical(into: &bytes)
        return bytes
    }

    /// Appends the Matrix canonical JSON of this object, without the top-level members named in `omitted`.
    ///
    /// Signing leaves out `signatures` and `unsigned`; omitting them here saves a copy of the object.
    package func writeCanonical(into bytes: inout [UInt8], omitting omitted: [String] = []) {
        bytes.append(UInt8(ascii: "{"))
        var isFirst = true
        for member in members {
            if !omitted.isEmpty, omitted.contains(where: { UTF8Order.equal($0, member.key) }) { continue }
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            JSONText.append(member.key, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            member.value.writeCanonical(into: &bytes)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    /// Whether every number in this object is an integer in ±(2^53 - 1), as canonical JSON demands.
    package var hasOnlyCanonicalNumbers: Bool { members.allSatisfy(\.value.hasOnlyCanonicalNumbers) }
}
