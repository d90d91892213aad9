internal import CanonicalJSON

/// Any bytes as JSON, under each rule for numbers.
///
/// Tape, tree and views must agree with each other, and with a parser that knows nothing of either.
enum JSONTarget {
    static let limits: [JSONLimits] = [JSONLimits.Numbers.canonical, .lenient, .historical].map {
        JSONLimits(maxDepth: 40, maxBytes: 1 << 16, maxValues: 4000, numbers: $0)
    }

    @Sendable static func defect(_ text: [UInt8]) -> String? {
        for limits in limits {
            if let defect = defect(text, limits) { return "\(limits.numbers): \(defect)" }
        }
        return nil
    }

    private static func defect(_ text: [UInt8], _ limits: JSONLimits) -> String? {
        let tree: JSONValue
        let root: JSONView
        do throws(JSONError) {
            tree = try JSONValue.parse(text, limits: limits)
        } catch {
            return refusalDefect(error, text, limits)
        }
        do throws(JSONError) {
            root = try JSONDocument(parsing: text, limits: limits).root
        } catch {
            return "the tape refuses what the tree accepts"
        }
        guard NaiveJSON.accepts(text, limits) else { return "accepted, but it is no JSON" }
        let canonical = tree.canonicalBytes()
        if root.canonicalBytes() != canonical { return "tape and tree write other canonical bytes" }
        if root.isCanonical, root.rawBytes.elementsEqual(canonical) == false { return "wrongly taken for canonical" }
        if root.toValue() != tree || rebuilt(root) != tree { return "tape and tree read other values" }
        return canonicalDefect(tree, root, canonical, limits)
    }

    private static func refusalDefect(_ error: JSONError, _ text: [UInt8], _ limits: JSONLimits) -> String? {
        if error.offset > max(text.count, limits.maxBytes) { return "the error lies behind the text" }
        do throws(JSONError) {
            _ = try JSONDocument(parsing: text, limits: limits)
            return "the tree refuses what the tape accepts"
        } catch let other {
            if other != error { return "tape and tree refuse for other reasons" }
        }
        switch error {
        case .tooLarge, .tooDeep, .tooManyValues: return nil
        default: return NaiveJSON.accepts(text, limits) ? "refused, but it is JSON: \(error)" : nil
        }
    }

    private static func canonicalDefect(
        _ tree: JSONValue, _ root: JSONView, _ canonical: [UInt8], _ limits: JSONLimits
    ) -> String? {
        // A double may be written as an integer that is beyond the range of canonical numbers.
        var again = limits
        again.maxBytes = 1 << 24
        if again.numbers == .lenient { again.numbers = .historical }
        do throws(JSONError) {
            let second = try JSONDocument(parsing: canonical, limits: again).root
            if second.canonicalBytes() != canonical { return "the canonical form is not stable" }
            if limits.numbers == .canonical, second.toValue() != tree { return "the canonical form is another value" }
        } catch {
            return "the canonical form is refused: \(error)"
        }
        guard case .object(let object) = tree, let first = object.keys.first else { return nil }
        var kept = object
        kept.removeValue(forKey: first)
        if root.canonicalBytes(omitting: [first]) != kept.canonicalBytes() { return "omitting a member goes wrong" }
        var appended: [UInt8] = [1]
        root.writeCanonical(into: &appended, omitting: [first])
        return appended.dropFirst().elementsEqual(kept.canonicalBytes()) ? nil : "appending goes wrong"
    }

    /// The value as its views tell it, one by one.
    private static func rebuilt(_ view: JSONView) -> JSONValue {
        if let elements = view.elements { return .array(elements.map(rebuilt)) }
        if let members = view.members {
            let pairs = members.map { ($0.key, $0.value.toValue()) }
            return .object(JSONObject(pairs.filter { key, value in view[key]?.toValue() == value }))
        }
        if let string = view.string { return view.isString(string) ? .string(string) : .null }
        return view.integer.map { .integer($0) } ?? view.bool.map { .bool($0) } ?? view.double.map { .double($0) }
            ?? .null
    }
}
