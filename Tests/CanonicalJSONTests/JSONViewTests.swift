import CanonicalJSON
import Testing

@Suite struct JSONViewTests {
    static let text = #"{"s":"x\ny", "i":-12,"d":1.5,"t":true,"f":false,"n":null,"a":[1,[2],{}],"o":{"k":"v"}}"#

    private func view() throws -> JSONView {
        try JSONDocument(parsing: Array(Self.text.utf8), limits: .clientBody).root
    }

    @Test func `kinds and scalars are read from the text`() throws {
        let view = try view()
        #expect(view.kind == .object)
        #expect(view["s"]?.kind == .string && view["s"]?.string == "x\ny" && view["s"]?.integer == nil)
        #expect(view["i"]?.kind == .integer && view["i"]?.integer == -12 && view["i"]?.string == nil)
        #expect(view["d"]?.kind == .double && view["d"]?.double == 1.5 && view["d"]?.integer == nil)
        #expect(view["i"]?.double == -12)
        #expect(view["t"]?.bool == true && view["f"]?.bool == false && view["n"]?.bool == nil)
        #expect(view["n"]?.isNull == true && view["n"]?.kind == .null && view["t"]?.kind == .bool)
        #expect(view["absent"] == nil && view["s"]?["x"] == nil)
        #expect(view["s"]?.elements == nil && view["a"]?.members == nil)
    }

    @Test func `containers are walked`() throws {
        let view = try view()
        #expect(view["a"]?.elements?.map(\.kind) == [.integer, .array, .object])
        #expect(view["o"]?.members?.map(\.key) == ["k"])
        #expect(view.members?.map(\.key) == ["a", "d", "f", "i", "n", "o", "s", "t"])
        #expect(view["a"]?.elements?.map { $0.elements?.map(\.integer) } == [nil, [2], nil])
        #expect(try JSONDocument(parsing: Array("{}".utf8), limits: .pdu).root.members?.map(\.key) == [])
        #expect(try JSONDocument(parsing: Array("[]".utf8), limits: .pdu).root.elements?.map(\.kind) == [])
    }

    @Test func `raw bytes are the slice of the text`() throws {
        let view = try view()
        func raw(_ key: String) -> String? { view[key].map { String(decoding: $0.rawBytes, as: UTF8.self) } }
        #expect(raw("s") == #""x\ny""# && raw("i") == "-12" && raw("a") == "[1,[2],{}]" && raw("o") == #"{"k":"v"}"#)
        #expect(Array(view.rawBytes) == Array(Self.text.utf8))
        #expect(view["a"]?.isCanonical == true && view.isCanonical == false && view["d"]?.isCanonical == false)
    }

    @Test func `trees and canonical bytes agree`() throws {
        let view = try view()
        #expect(view.toValue() == (try JSONValue.parse(Array(Self.text.utf8))))
        #expect(view.toObject() == view.toValue().objectValue)
        #expect(view["a"]?.toObject() == nil)
        #expect(view.canonicalBytes() == view.toValue().canonicalBytes())
    }

    @Test func `a view outlives the name of its document`() throws {
        let inner = try #require(try view()["o"])
        #expect(inner["k"]?.string == "v")
    }

    @Test func `a pointer is copied`() throws {
        let bytes = Array(#"{"a":[1,2]}"#.utf8)
        let document = try bytes.withUnsafeBytes { try JSONDocument(parsing: $0, limits: .pdu) }
        #expect(document.bytes == bytes)
        #expect(try bytes.withUnsafeBytes { try JSONValue.parse($0) } == ["a": [1, 2]])
        #expect(throws: JSONError.unexpectedEnd(offset: 0)) {
            try JSONValue.parse(UnsafeRawBufferPointer(start: nil, count: 0))
        }
    }
}
