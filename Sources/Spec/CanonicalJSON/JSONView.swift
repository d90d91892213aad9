/// One value of a ``JSONDocument``, read from the text when asked.
package struct JSONView: Sendable {
    /// The kinds of JSON values; integers in range are told from other numbers.
    package enum Kind: Hashable, Sendable {
        case null
        case bool
        case integer
        case double
        case string
        case array
        case object
    }

    let storage: JSONDocument.Storage
    let index: Int

    private var entry: TapeEntry { storage.entry(index) }

    /// What this value is.
    package var kind: Kind {
        switch entry.kind {
        case .null: .null
        case .false, .true: .bool
        case .integer: .integer
        case .double: .double
        case .string: .string
        case .array: .array
        case .object: .object
        }
    }

    // MARK: Scalars

    /// Whether this is `null`.
    package var isNull: Bool { entry.kind == .null }

    /// The truth value, when this is one.
    package var bool: Bool? {
        switch entry.kind {
        case .true: true
        case .false: false
        default: nil
        }
    }

    /// The integer, when this is one; a double such as `1.0` is none.
    package var integer: Int64? {
        entry.kind == .integer ? storage.withReader { $0.integer(at: index) } : nil
    }

    /// The number as a double, when this is an integer or a double.
    package var double: Double? {
        switch entry.kind {
        case .integer, .double: storage.withReader { $0.double(at: index) }
        default: nil
        }
    }

    /// The string, when this is one.
    package var string: String? {
        entry.kind == .string ? storage.withReader { $0.string(at: index) } : nil
    }

    /// A copy of the string's UTF-8 bytes, escapes resolved, when this is a string.
    package var utf8: [UInt8]? {
        entry.kind == .string ? storage.withReader { $0.decoded(at: index) } : nil
    }

    /// Whether this is a string with exactly the UTF-8 bytes of `other`; cheaper than making a `String` to compare.
    package func isString(_ other: String) -> Bool {
        guard entry.kind == .string else { return false }
        return storage.withReader { reader in other.withUTF8Bytes { reader.string(at: index, equals: $0) } }
    }

    /// Lends the string's UTF-8 bytes, escapes resolved, without a copy unless there are escapes.
    ///
    /// - Returns: nil when this is no string.
    package func withUTF8<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result? {
        guard entry.kind == .string else { return nil }
        return storage.withReader { reader in
            if entry.flags.contains(.escaped) { return reader.decoded(at: index).withUnsafeBufferPointer(body) }
            return body(reader.text(at: index))
        }
    }

    // MARK: Containers

    /// The value under `key`, of duplicate keys the last; nil when absent or when this is no object.
    package subscript(_ key: String) -> JSONView? {
        guard entry.kind == .object else { return nil }
        let found = storage.withReader { reader in
            key.withUTF8Bytes { reader.valueIndex(under: $0, inObjectAt: index) }
        }
        return found.map { JSONView(storage: storage, index: $0) }
    }

    /// The elements, when this is an array.
    package var elements: Elements? {
        guard entry.kind == .array else { return nil }
        return Elements(storage: storage, first: index + 1, end: Int(entry.next))
    }

    /// The members in canonical order, each key once, when this is an object.
    package var members: Members? {
        guard entry.kind == .object else { return nil }
        if entry.flags.contains(.sorted) { return Members(storage: storage, index: index, sortedKeys: nil) }
        let keys = storage.withReader { reader in
            var keys: [Int] = []
            reader.forEachKey(ofObjectAt: index) { keys.append($0) }
            return keys
        }
        return Members(storage: storage, index: index, sortedKeys: keys)
    }

    // MARK: Bytes

    /// Where this value stands in the text.
    package var rawRange: Range<Int> {
        let entry = entry
        let start = Int(entry.start)
        let end = start + Int(entry.length)
        return entry.kind == .string ? start - 1..<end + 1 : start..<end
    }

    /// The bytes of this value as they stand in the text, white space inside included.
    package var rawBytes: ArraySlice<UInt8> { storage.source[rawRange] }

    /// Whether the text of this value is its canonical JSON already.
    package var isCanonical: Bool { entry.flags.contains(.canonical) }

    /// Appends the Matrix canonical JSON of this value.
    package func writeCanonical(into bytes: inout [UInt8]) {
        storage.withReader { $0.writeCanonical(at: index, into: &bytes) }
    }

    /// Appends the Matrix canonical JSON of this object without the members named in `omitted`.
    ///
    /// A value that is no object is written whole.
    package func writeCanonical(into bytes: inout [UInt8], omitting omitted: [String]) {
        storage.withReader { $0.writeCanonical(at: index, omitting: omitted, into: &bytes) }
    }

    /// The Matrix canonical JSON of this value.
    package func canonicalBytes() -> [UInt8] {
        if isCanonical { return Array(rawBytes) }
        return storage.withReader { $0.canonicalBytes(at: index) }
    }

    /// The Matrix canonical JSON of this object without the members named in `omitted`.
    ///
    /// A value that is no object is written whole.
    package func canonicalBytes(omitting omitted: [String]) -> [UInt8] {
        storage.withReader { $0.canonicalBytes(at: index, omitting: omitted) }
    }

    /// This value as a tree.
    package func toValue() -> JSONValue {
        storage.withReader { $0.value(at: index) }
    }

    /// This value as an object tree, when it is an object.
    package func toObject() -> JSONObject? {
        entry.kind == .object ? storage.withReader { $0.object(at: index) } : nil
    }
}

extension JSONView {
    /// The elements of an array, in order.
    package struct Elements: Sequence, IteratorProtocol {
        private let storage: JSONDocument.Storage
        private var at: Int
        private let end: Int

        fileprivate init(storage: JSONDocument.Storage, first: Int, end: Int) {
            self.storage = storage
            at = first
            self.end = end
        }

        package mutating func next() -> JSONView? {
            guard at < end else { return nil }
            defer { at = Int(storage.entry(at).next) }
            return JSONView(storage: storage, index: at)
        }
    }

    /// The members of an object, in canonical order and each key once.
    package struct Members: Sequence, IteratorProtocol {
        private let storage: JSONDocument.Storage
        /// The entries of the keys when the text does not have them in order.
        private let sortedKeys: [Int]?
        private var at: Int
        private let end: Int

        fileprivate init(storage: JSONDocument.Storage, index: Int, sortedKeys: [Int]?) {
            self.storage = storage
            self.sortedKeys = sortedKeys
            at = sortedKeys == nil ? index + 1 : 0
            end = sortedKeys?.count ?? Int(storage.entry(index).next)
        }

        package mutating func next() -> (key: String, value: JSONView)? {
            guard at < end else { return nil }
            let keyIndex: Int
            if let sortedKeys {
                keyIndex = sortedKeys[at]
                at += 1
            } else {
                keyIndex = at
                at = Int(storage.entry(at + 1).next)
            }
            let key = storage.withReader { $0.string(at: keyIndex) }
            return (key, JSONView(storage: storage, index: keyIndex + 1))
        }
    }
}
