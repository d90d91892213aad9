/// A JSON object: members in canonical order, found by binary search, copied only when written to while shared.
package struct JSONObject: Sendable {
    /// One member.
    package struct Member: Sendable {
        package let key: String
        package var value: JSONValue

        package init(key: String, value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    /// Sorted by the UTF-8 bytes of the key, each key once.
    private(set) var members: [Member]

    /// Creates an empty object.
    package init() {
        members = []
    }

    /// Creates an object from members in any order; of equal keys the last wins.
    package init(_ pairs: [(String, JSONValue)]) {
        members = []
        members.reserveCapacity(pairs.count)
        for (key, value) in pairs {
            // Members mostly come in order, which needs no sorting.
            if let last = members.last, UTF8Order.compare(last.key, key) >= 0 {
                self = JSONObject(unordered: pairs)
                return
            }
            members.append(Member(key: key, value: value))
        }
    }

    /// Creates an object from members already sorted by bytes, each key once.
    init(sortedMembers: [Member]) {
        members = sortedMembers
    }

    private init(unordered pairs: [(String, JSONValue)]) {
        let order = pairs.indices.sorted { one, other in
            let comparison = UTF8Order.compare(pairs[one].0, pairs[other].0)
            return comparison == 0 ? one < other : comparison < 0
        }
        members = []
        members.reserveCapacity(pairs.count)
        for index in order {
            let member = Member(key: pairs[index].0, value: pairs[index].1)
            if let last = members.last, UTF8Order.equal(last.key, member.key) { members.removeLast() }
            members.append(member)
        }
    }

    /// How many members there are.
    package var count: Int { members.count }

    /// Whether there is no member.
    package var isEmpty: Bool { members.isEmpty }

    /// The keys in canonical order.
    package var keys: [String] { members.map(\.key) }

    /// The values in the canonical order of their keys.
    package var values: [JSONValue] { members.map(\.value) }

    /// The value under `key`; setting nil removes the member, setting `.null` stores a JSON null.
    package subscript(_ key: String) -> JSONValue? {
        get {
            let place = place(of: key)
            return place.found ? members[place.index].value : nil
        }
        set {
            let place = place(of: key)
            switch (newValue, place.found) {
            case (let value?, true): members[place.index].value = value
            case (let value?, false): members.insert(Member(key: key, value: value), at: place.index)
            case (nil, true): members.remove(at: place.index)
            case (nil, false): break
            }
        }
    }

    /// Removes the member under `key` and returns its value.
    @discardableResult
    package mutating func removeValue(forKey key: String) -> JSONValue? {
        let place = place(of: key)
        return place.found ? members.remove(at: place.index).value : nil
    }

    /// Whether there is a member under `key`.
    package func contains(_ key: String) -> Bool { place(of: key).found }

    /// The same keys with other values.
    package func mapValues(_ transform: (JSONValue) throws -> JSONValue) rethrows -> JSONObject {
        try JSONObject(sortedMembers: members.map { Member(key: $0.key, value: try transform($0.value)) })
    }

    /// Only the members that satisfy `isIncluded`.
    package func filter(_ isIncluded: (_ key: String, _ value: JSONValue) throws -> Bool) rethrows -> JSONObject {
        try JSONObject(sortedMembers: members.filter { try isIncluded($0.key, $0.value) })
    }

    /// This object with the members of `other` laid over it.
    package func merging(_ other: JSONObject) -> JSONObject {
        var result = self
        for member in other.members { result[member.key] = member.value }
        return result
    }

    private func place(of key: String) -> (index: Int, found: Bool) {
        key.withUTF8Bytes { sought in
            var low = 0
            var high = members.count
            while low < high {
                let middle = (low + high) / 2
                let comparison = members[middle].key.withUTF8Bytes { UTF8Order.compare($0, sought) }
                if comparison == 0 { return (middle, true) }
                if comparison < 0 { low = middle + 1 } else { high = middle }
            }
            return (low, false)
        }
    }
}

extension JSONObject: Hashable {
    package static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.members.elementsEqual(right.members) { UTF8Order.equal($0.key, $1.key) && $0.value == $1.value }
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(members.count)
        for member in members {
            UTF8Order.hash(member.key, into: &hasher)
            hasher.combine(member.value)
        }
    }
}

extension JSONObject: Sequence {
    /// Yields the members in canonical order.
    package struct Iterator: IteratorProtocol {
        private var members: IndexingIterator<[Member]>

        fileprivate init(_ members: [Member]) {
            self.members = members.makeIterator()
        }

        package mutating func next() -> (key: String, value: JSONValue)? {
            members.next().map { ($0.key, $0.value) }
        }
    }

    package func makeIterator() -> Iterator { Iterator(members) }

    package var underestimatedCount: Int { members.count }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }
}

extension JSONObject: CustomStringConvertible {
    /// The canonical JSON text.
    package var description: String { String(decoding: canonicalBytes(), as: UTF8.self) }
}
