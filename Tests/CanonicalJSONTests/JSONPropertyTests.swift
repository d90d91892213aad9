import CanonicalJSON
import TestSupport
import Testing

/// Laws that hold for every text, tried on seeded random ones; the failing seed is in the test's arguments.
@Suite struct JSONPropertyTests {
    @Test(arguments: 0..<16 as Range<UInt64>)
    func `parsing a canonical text and writing it again changes nothing`(seed: UInt64) throws {
        var random = RandomJSON(seed: seed)
        for _ in 0..<100 {
            let value = random.value()
            let text = value.canonicalBytes()
            let parsed = try JSONValue.parse(text, limits: .pdu)
            #expect(parsed == value)
            #expect(parsed.hashValue == value.hashValue)
            #expect(parsed.canonicalBytes() == text)
            let root = try JSONDocument(parsing: text, limits: .pdu).root
            #expect(root.canonicalBytes() == text)
            #expect(isKnownCanonical(root))
        }
    }

    @Test(arguments: 0..<16 as Range<UInt64>)
    func `however a value is spelled, its canonical form is the same`(seed: UInt64) throws {
        var random = RandomJSON(seed: seed &+ 1000)
        for _ in 0..<100 {
            let value = random.value()
            let text = Array(random.spell(value).utf8)
            let parsed = try JSONValue.parse(text, limits: .pdu)
            #expect(parsed == value, "\(String(decoding: text, as: UTF8.self))")
            let root = try JSONDocument(parsing: text, limits: .pdu).root
            var written: [UInt8] = []
            root.writeCanonical(into: &written)
            #expect(written == value.canonicalBytes())
            #expect(root.canonicalBytes() == written)
            #expect(rebuilt(root) == value)
        }
    }

    /// A text without escapes in keys must be recognised as canonical; with them it is only written anew.
    private func isKnownCanonical(_ view: JSONView) -> Bool {
        view.isCanonical || view.rawBytes.contains(UInt8(ascii: "\\"))
    }

    /// The value as its views tell it, one by one.
    private func rebuilt(_ view: JSONView) -> JSONValue {
        if let elements = view.elements { return .array(elements.map(rebuilt)) }
        if let members = view.members {
            return .object(
                JSONObject(
                    members.map { member in
                        let sought = view[member.key].map(rebuilt)
                        let found = rebuilt(member.value)
                        return (member.key, sought == found ? found : "not found")
                    }))
        }
        return view.string.map { .string($0) } ?? view.integer.map { .integer($0) } ?? view.bool.map { .bool($0) }
            ?? .null
    }
}
