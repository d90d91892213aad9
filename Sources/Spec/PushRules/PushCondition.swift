import CanonicalJSON

/// A condition of a rule, made ready to be asked of many events.
enum PushCondition: Sendable, Hashable {
    case matches(PropertyPath, GlobPattern)
    /// The body contains this word; a pattern that is no more than that is asked for so often that it has a case of its own.
    case word([UInt32])
    /// The property is the ID of the rule's user.
    case namesOwner(PropertyPath)
    case isExactly(PropertyPath, JSONValue)
    case contains(PropertyPath, JSONValue)
    case containsOwner(PropertyPath)
    case containsDisplayName
    case memberCount(Comparison, UInt64)
    case senderMayNotify(String)
    /// The room is this one.
    case room(String)
    case sender(String)
    /// "Unrecognised conditions MUST NOT match any events, effectively making the push rule disabled."
    case never

    enum Comparison: Sendable, Hashable {
        case equal
        case less
        case greater
        case atLeast
        case atMost
    }

    /// - Parameter isDefault: whether the rule is the server's, in which a certain text stands for its user.
    init(_ condition: JSONValue, isDefault: Bool) {
        self = Self.reading(condition, isDefault: isDefault) ?? .never
    }

    private static func reading(_ condition: JSONValue, isDefault: Bool) -> PushCondition? {
        func path() -> PropertyPath? { condition["key"]?.stringValue.map { PropertyPath($0) } }
        func namesOwner(_ value: JSONValue) -> Bool {
            isDefault && value.stringValue?.utf8.elementsEqual(DefaultPushRules.ownUserID.utf8) == true
        }
        switch condition["kind"]?.stringValue {
        case "event_match":
            guard let path = path(), let value = condition["pattern"], let pattern = value.stringValue else {
                return nil
            }
            return namesOwner(value) ? .namesOwner(path) : matching(path, GlobPattern(pattern))
        case "event_property_is":
            guard let path = path(), let value = condition["value"], isSimple(value) else { return nil }
            return .isExactly(path, value)
        case "event_property_contains":
            guard let path = path(), let value = condition["value"], isSimple(value) else { return nil }
            return namesOwner(value) ? .containsOwner(path) : .contains(path, value)
        case "contains_display_name": return .containsDisplayName
        case "room_member_count": return condition["is"]?.stringValue.flatMap { memberCount($0) }
        case "sender_notification_permission": return condition["key"]?.stringValue.map { .senderMayNotify($0) }
        default: return nil
        }
    }

    static func matching(_ path: PropertyPath, _ pattern: GlobPattern) -> PushCondition {
        if path.isBody, let word = pattern.word { return .word(word) }
        return .matches(path, pattern)
    }

    /// "only supports non-compound canonical JSON values".
    private static func isSimple(_ value: JSONValue) -> Bool {
        switch value {
        case .string, .integer, .bool, .null: true
        case .double, .array, .object: false
        }
    }

    /// "A decimal integer optionally prefixed by one of, `==`, `<`, `>`, `>=` or `<=`."
    private static func memberCount(_ text: String) -> PushCondition? {
        let comparisons: [(String, Comparison)] = [
            ("==", .equal), ("<=", .atMost), (">=", .atLeast), ("<", .less), (">", .greater),
        ]
        let found = comparisons.first { text.hasPrefix($0.0) }
        let digits = text.utf8.dropFirst(found?.0.utf8.count ?? 0)
        guard !digits.isEmpty, digits.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }),
            let count = UInt64(String(decoding: digits, as: UTF8.self))
        else { return nil }
        return .memberCount(found?.1 ?? .equal, count)
    }

    // MARK: Asking

    func holds(
        _ event: PushEvent, owner: () throws -> String, isNamed: Bool, _ surroundings: some PushSurroundings
    ) throws -> Bool {
        switch self {
        case .matches(let path, let pattern):
            guard let text = event.foldedText(at: path) else { return false }
            return path.isBody ? pattern.matchesWords(in: text) : pattern.matches(text)
        case .word(let word): return event.bodyWords.contains(word)
        case .namesOwner(let path):
            guard isNamed, let text = event.foldedText(at: path) else { return false }
            return text == FoldedText(try owner())
        case .isExactly(let path, let value): return event.value(at: path) == value
        case .contains(let path, let value): return event.value(at: path)?.arrayValue?.contains(value) ?? false
        case .containsOwner(let path):
            guard isNamed, let values = event.array(at: path), !values.isEmpty else { return false }
            return values.contains(.string(try owner()))
        case .containsDisplayName:
            guard let body = event.foldedText(at: .body),
                let name = try surroundings.displayName(of: try owner()), !name.isEmpty
            else { return false }
            return GlobPattern(literal: name).matchesWords(in: body)
        case .memberCount(let comparison, let count):
            let members = try surroundings.memberCount()
            switch comparison {
            case .equal: return members == count
            case .less: return members < count
            case .greater: return members > count
            case .atLeast: return members >= count
            case .atMost: return members <= count
            }
        case .senderMayNotify(let name): return try surroundings.senderMayNotify(name)
        case .room(let roomID): return event.roomID.utf8.elementsEqual(roomID.utf8)
        case .sender(let userID): return event.sender.utf8.elementsEqual(userID.utf8)
        case .never: return false
        }
    }

    /// Whether the answer depends on whose rule it is in a way that `m.mentions` and `state_key` do not tell.
    var asksForName: Bool { self == .containsDisplayName }

    /// Whether the answer depends on whose rule it is.
    var asksForOwner: Bool {
        switch self {
        case .namesOwner, .containsOwner, .containsDisplayName: true
        default: false
        }
    }
}
