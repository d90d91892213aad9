import CanonicalJSON
import ReadModel

/// The `required_state` of a list or subscription: which entries of a room's state the client wants.
///
/// Clients write it in two ways: the merged proposal has `include`, `exclude` and `lazy_members`; before, it was an array of
/// pairs of type and state key with the wildcard `*` and the state keys `$LAZY` and `$ME`.
package struct RequiredState: Sendable, Hashable {
    /// An entry of state, or many: nil stands for any type or any state key.
    struct Element: Sendable, Hashable {
        var type: SameBytes?
        var stateKey: SameBytes?

        func matches(_ name: SlotName) -> Bool {
            (type?.text.utf8.elementsEqual(name.type.utf8) ?? true)
                && (stateKey?.text.utf8.elementsEqual(name.stateKey.utf8) ?? true)
        }

        /// Whether it names one entry and no more.
        var isExact: Bool { type != nil && stateKey != nil }
    }

    private(set) var include: [Element] = []
    private(set) var exclude: [Element] = []
    /// Types of which a wildcard matches nothing, since they are wanted by their state keys only.
    private(set) var narrowed: Set<SameBytes> = []
    /// Members come when the timeline speaks of them.
    private(set) var lazyMembers = false

    /// The most elements of one `required_state`.
    package static let mostElements = 256
    private static let member = SameBytes("m.room.member")

    init() {}

    /// Reads the member `required_state`; nothing is wanted when it is absent.
    init(_ reader: SlidingReader, me: String) throws(QueryRefusal) {
        guard let value = reader.value("required_state") else { return }
        if value.arrayValue != nil {
            try readPairs(reader.array("required_state", atMost: Self.mostElements) ?? [], me: me)
        } else {
            let reader = try SlidingReader(value, path: reader.path + ".required_state")
            include = try Self.elements(reader, "include")
            exclude = try Self.elements(reader, "exclude")
            lazyMembers = try reader.flag("lazy_members") ?? false
            // "Whether to enable lazy loaded membership behaviour": what matches all members no longer does.
            if lazyMembers { narrowed.insert(Self.member) }
        }
    }

    private static func elements(_ reader: SlidingReader, _ member: String) throws(QueryRefusal) -> [Element] {
        var elements: [Element] = []
        for value in try reader.array(member, atMost: mostElements) ?? [] {
            let reader = try SlidingReader(value, path: "\(reader.path).\(member)")
            let type = try reader.string("type")
            let stateKey = try reader.string("state_key")
            try check(type, stateKey)
            elements.append(Element(type: type.map(SameBytes.init), stateKey: stateKey.map(SameBytes.init)))
        }
        return elements
    }

    /// "`type` … must not exceed 255 bytes", nor must a state key: longer ones match nothing and would only be kept.
    private static func check(_ strings: String?...) throws(QueryRefusal) {
        for string in strings where string.map({ $0.utf8.count > SlidingReader.longestString }) ?? false {
            throw .invalid("Event types and state keys have at most \(SlidingReader.longestString) bytes.")
        }
    }

    private mutating func readPairs(_ pairs: [JSONValue], me: String) throws(QueryRefusal) {
        for pair in pairs {
            guard let parts = pair.arrayValue, parts.count == 2, let type = parts[0].stringValue,
                let stateKey = parts[1].stringValue
            else { throw .badJSON("required_state must be an array of pairs of an event type and a state key.") }
            try Self.check(type, stateKey)
            if stateKey == "$LAZY" {
                lazyMembers = lazyMembers || type == "m.room.member"
                continue
            }
            include.append(
                Element(
                    type: type == "*" ? nil : SameBytes(type),
                    stateKey: stateKey == "*" ? nil : SameBytes(stateKey == "$ME" ? me : stateKey)))
        }
        // "One unique exception is when you request all state events via ["*", "*"]. When used, all state events are
        // returned by default, and additional entries FILTER OUT the returned set of state events."
        let wantsAll = include.contains { $0.type == nil && $0.stateKey == nil }
        let whole = Set(include.filter { $0.stateKey == nil }.compactMap(\.type))
        if wantsAll {
            narrowed = Set(include.filter(\.isExact).compactMap(\.type)).subtracting(whole)
            if lazyMembers, !whole.contains(Self.member) { narrowed.insert(Self.member) }
        }
        if whole.contains(Self.member) { lazyMembers = false }
    }

    /// Whether an entry is wanted for itself, not because of the timeline.
    func wants(_ name: SlotName) -> Bool {
        let isNarrowed = !narrowed.isEmpty && narrowed.contains(SameBytes(name.type))
        guard include.contains(where: { $0.matches(name) && !(isNarrowed && $0.stateKey == nil) }) else { return false }
        return !exclude.contains { $0.matches(name) }
    }

    /// Whether more than single entries may be wanted, so that all state must be looked through.
    var hasWildcards: Bool { include.contains { !$0.isExact } }

    /// Whether a wildcard may match member events.
    var mayWantManyMembers: Bool {
        include.contains { element in
            !element.isExact && (element.type == nil || element.type == Self.member)
                && !(element.stateKey == nil && narrowed.contains(Self.member))
        }
    }

    /// How much memory it is worth.
    var weight: Int { include.count + exclude.count + 1 }
}

/// A string that equals another when its bytes do: `==` of strings takes different spellings of a letter for the same.
struct SameBytes: Sendable, Hashable {
    let text: String

    init(_ text: String) {
        self.text = text
    }

    static func == (left: SameBytes, right: SameBytes) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

    func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}
