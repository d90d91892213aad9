internal import CanonicalJSON
internal import Queries

/// The first line as a sync token, the second as the path of a field, the rest as a filter.
enum FiltersTarget {
    @Sendable static func defect(_ input: [UInt8]) -> String? {
        let lines = input.split(separator: UInt8(ascii: "\n"), maxSplits: 2, omittingEmptySubsequences: false)
        let token = String(decoding: lines[0], as: UTF8.self)
        do throws(QueryRefusal) {
            let parsed = try SyncToken(parsing: token)
            if try SyncToken(parsing: parsed.description) != parsed { return "a token is not what it is written as" }
        } catch {
            if error.status >= 500 { return "a token is our fault" }
        }
        guard lines.count > 2 else { return nil }
        _ = EventFieldPath(String(decoding: lines[1], as: UTF8.self))
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue.parse(Array(lines[2]), limits: .clientBody)
        } catch {
            return nil
        }
        do throws(QueryRefusal) {
            let filter = try EventFilter(json: value)
            if try EventFilter(json: value) != filter { return "the same filter is another" }
            return matchingDefect(filter, value, String(decoding: lines[1], as: UTF8.self))
        } catch {
            if error.status != 400 { return "a filter is refused with \(error.status)" }
        }
        do throws(QueryRefusal) {
            if try SyncFilter(json: value) != SyncFilter(json: value) { return "the same filter is another" }
        } catch {
            if error.status != 400 { return "a filter is refused with \(error.status)" }
        }
        return nil
    }

    /// Types as the definition says it, by trying everything; only of plain letters, which are compared as they are.
    private static func matchingDefect(_ filter: EventFilter, _ value: JSONValue, _ type: String) -> String? {
        let types = value["types"]?.arrayValue?.compactMap(\.stringValue)
        let notTypes = value["not_types"]?.arrayValue?.compactMap(\.stringValue) ?? []
        guard value["senders"] == nil, (types ?? []).count + notTypes.count <= 6 else { return nil }
        let texts = [type] + (types ?? []) + notTypes
        let isPlain = { (byte: UInt8) in byte >= 0x20 && byte < 0x7F && byte != 0x22 && byte != 0x5C }
        guard texts.allSatisfy({ $0.utf8.count <= 12 && $0.utf8.allSatisfy(isPlain) }) else { return nil }
        let fits: (String) -> Bool = { matches(Array($0.utf8)[...], Array(type.utf8)[...]) }
        let expected = !notTypes.contains(where: fits) && (types.map { $0.contains(where: fits) } ?? true)
        return filter.allows(typeNamed: type) == expected ? nil : "the type is matched wrongly"
    }

    private static func matches(_ pattern: ArraySlice<UInt8>, _ text: ArraySlice<UInt8>) -> Bool {
        guard let first = pattern.first else { return text.isEmpty }
        if first == UInt8(ascii: "*") {
            return matches(pattern.dropFirst(), text) || (!text.isEmpty && matches(pattern, text.dropFirst()))
        }
        return text.first == first && matches(pattern.dropFirst(), text.dropFirst())
    }
}
