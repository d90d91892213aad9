import CanonicalJSON

/// Reads the members of a sliding sync's request, with limits and with errors that name the member.
struct SlidingReader {
    let object: JSONObject
    let path: String

    /// The longest string that can name anything: "must not exceed 255 bytes", of types, state keys and IDs alike.
    static let longestString = 255

    init(_ object: JSONObject, path: String) {
        self.object = object
        self.path = path
    }

    init(_ value: JSONValue, path: String) throws(QueryRefusal) {
        guard let object = value.objectValue else { throw .badJSON("\(path) must be an object.") }
        self.init(object, path: path)
    }

    private func name(_ member: String) -> String { path.isEmpty ? member : "\(path).\(member)" }

    /// Absent and `null` are the same to those who write clients.
    func value(_ member: String) -> JSONValue? {
        guard let value = object[member], !value.isNull else { return nil }
        return value
    }

    func string(_ member: String) throws(QueryRefusal) -> String? {
        guard let value = value(member) else { return nil }
        guard let string = value.stringValue else { throw .badJSON("\(name(member)) must be a string.") }
        return string
    }

    func flag(_ member: String) throws(QueryRefusal) -> Bool? {
        guard let value = value(member) else { return nil }
        guard let flag = value.boolValue else { throw .badJSON("\(name(member)) must be true or false.") }
        return flag
    }

    /// A number that counts something.
    func count(_ member: String) throws(QueryRefusal) -> Int? {
        guard let value = value(member) else { return nil }
        guard let number = value.integerValue else { throw .badJSON("\(name(member)) must be an integer.") }
        guard number >= 0 else { throw .invalid("\(name(member)) must not be negative.") }
        return Int(clamping: number)
    }

    func member(_ member: String) throws(QueryRefusal) -> SlidingReader? {
        guard let value = value(member) else { return nil }
        return try SlidingReader(value, path: name(member))
    }

    /// The members of an object that maps names to objects.
    func members(_ member: String, atMost limit: Int) throws(QueryRefusal) -> [(key: String, reader: SlidingReader)] {
        guard let outer = try self.member(member) else { return [] }
        guard outer.object.count <= limit else { throw .invalid("\(name(member)) may have at most \(limit) members.") }
        var members: [(key: String, reader: SlidingReader)] = []
        for (key, value) in outer.object {
            members.append((key, try SlidingReader(value, path: "\(name(member)).\(key.prefix(64))")))
        }
        return members
    }

    func array(_ member: String, atMost limit: Int) throws(QueryRefusal) -> [JSONValue]? {
        guard let value = value(member) else { return nil }
        guard let elements = value.arrayValue else { throw .badJSON("\(name(member)) must be an array.") }
        guard elements.count <= limit else { throw .invalid("\(name(member)) may have at most \(limit) elements.") }
        return elements
    }

    func strings(_ member: String, atMost limit: Int = 100) throws(QueryRefusal) -> [String]? {
        guard let elements = try array(member, atMost: limit) else { return nil }
        var strings: [String] = []
        for element in elements {
            guard let string = element.stringValue else {
                throw .badJSON("\(name(member)) must be an array of strings.")
            }
            strings.append(string)
        }
        return strings
    }

    /// Strings and `null`.
    func optionalStrings(_ member: String, atMost limit: Int = 100) throws(QueryRefusal) -> [String?]? {
        guard let elements = try array(member, atMost: limit) else { return nil }
        var strings: [String?] = []
        for element in elements {
            guard element.isNull || element.stringValue != nil else {
                throw .badJSON("\(name(member)) must be an array of strings and nulls.")
            }
            strings.append(element.stringValue)
        }
        return strings
    }
}
