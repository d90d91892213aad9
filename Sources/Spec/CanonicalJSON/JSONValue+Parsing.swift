extension JSONValue {
    /// Parses a whole JSON text; of duplicate keys the last wins.
    package static func parse(_ bytes: [UInt8], limits: JSONLimits = .clientBody) throws(JSONError) -> JSONValue {
        try bytes.withUnsafeBufferPointer { (source) throws(JSONError) in try parse(source, limits: limits) }
    }

    /// Parses a whole JSON text lent by a pointer.
    package static func parse(
        _ bytes: UnsafeRawBufferPointer, limits: JSONLimits = .clientBody
    ) throws(JSONError) -> JSONValue {
        try parse(bytes.bindMemory(to: UInt8.self), limits: limits)
    }

    private static func parse(
        _ source: UnsafeBufferPointer<UInt8>, limits: JSONLimits
    ) throws(JSONError) -> JSONValue {
        // One scanner judges every text; the tree is only another reading of its tape.
        let tape = try TapeScanner.scan(source, limits: limits)
        defer { tape.deallocate() }
        return TapeReader(source: source, tape: tape).value(at: 0)
    }
}

extension JSONObject {
    /// Parses a whole JSON text that must be an object.
    ///
    /// - Returns: nil when the text is valid JSON but no object.
    package static func parse(_ bytes: [UInt8], limits: JSONLimits = .clientBody) throws(JSONError) -> JSONObject? {
        try JSONValue.parse(bytes, limits: limits).objectValue
    }
}
