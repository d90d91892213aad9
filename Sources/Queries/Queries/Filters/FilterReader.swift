import CanonicalJSON

/// Reads the members of a filter's JSON with errors that name the member.
struct FilterReader {
    let object: JSONObject
    let path: String

    init(_ value: JSONValue, path: String) throws(QueryRefusal) {
        guard let object = value.objectValue else { throw .badJSON("\(path) must be an object.") }
        self.object = object
        self.path = path
    }

    func member(_ name: String) throws(QueryRefusal) -> FilterReader? {
        guard let value = object[name] else { return nil }
        return try FilterReader(value, path: "\(path).\(name)")
    }

    func flag(_ name: String) throws(QueryRefusal) -> Bool? {
        guard let value = object[name] else { return nil }
        guard let flag = value.boolValue else { throw .badJSON("\(path).\(name) must be true or false.") }
        return flag
    }

    func strings(_ name: String) throws(QueryRefusal) -> [String]? {
        guard let value = object[name] else { return nil }
        guard let elements = value.arrayValue else { throw .badJSON("\(path).\(name) must be an array of strings.") }
        var strings: [String] = []
        for element in elements {
            guard let string = element.stringValue else {
                throw .badJSON("\(path).\(name) must be an array of strings.")
            }
            strings.append(string)
        }
        return strings
    }

    /// Identifiers in the form in which they stand in rendered events.
    func identifiers(_ name: String, sigil: Unicode.Scalar) throws(QueryRefusal) -> [[UInt8]]? {
        guard let strings = try strings(name) else { return nil }
        for string in strings where string.utf8.first != UInt8(ascii: sigil) {
            throw .badJSON("\(path).\(name) must be an array of identifiers that begin with \(sigil).")
        }
        return strings.map(escapedText)
    }

    /// "The maximum number of events to return, must be an integer greater than 0." Zero is taken as: no events.
    func limit() throws(QueryRefusal) -> Int? {
        guard let value = object["limit"] else { return nil }
        guard let limit = value.integerValue, limit >= 0 else {
            throw .badJSON("\(path).limit must be an integer greater than 0.")
        }
        return Int(clamping: limit)
    }
}
