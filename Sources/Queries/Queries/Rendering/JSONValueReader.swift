import CanonicalJSON

/// Parses what users keep on the server.
enum JSONValueReader {
    static func object(_ bytes: UnsafeRawBufferPointer) throws(JSONError) -> JSONObject? {
        try JSONValue.parse(bytes, limits: .storedData).objectValue
    }
}
