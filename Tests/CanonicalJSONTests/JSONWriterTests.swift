import CanonicalJSON
import Testing

@Suite struct JSONWriterTests {
    @Test func `commas come by themselves`() {
        var writer = JSONWriter()
        writer.beginObject()
        writer.field("string", "a\"b")
        writer.field("integer", Int64(-5))
        writer.field("int", 7)
        writer.field("bool", false)
        writer.field("value", JSONValue.array([1, .null]))
        writer.field("object", ["k": "v"] as JSONObject)
        writer.field("names", ["x", "y"])
        writer.field("raw", raw: Array(#"{"r":1}"#.utf8))
        writer.field("slice", raw: Array("[0]".utf8)[...])
        writer.field("absent", ifPresent: String?.none)
        writer.field("present", ifPresent: Int64?(3))
        writer.key("list")
        writer.beginArray()
        writer.string("s")
        writer.beginObject()
        writer.endObject()
        writer.beginArray()
        writer.endArray()
        writer.integer(1)
        writer.bool(true)
        writer.null()
        writer.endArray()
        writer.endObject()
        let expected =
            #"{"string":"a\"b","integer":-5,"int":7,"bool":false,"value":[1,null],"object":{"k":"v"},"#
            + #""names":["x","y"],"raw":{"r":1},"slice":[0],"present":3,"list":["s",{},[],1,true,null]}"#
        #expect(String(decoding: writer.bytes, as: UTF8.self) == expected)
        #expect(refusal(of: writer.bytes) == nil)
    }

    @Test func `values that end in structural characters do not confuse the commas`() {
        var writer = JSONWriter()
        writer.array { writer in
            writer.string("[")
            writer.string("{")
            writer.string(":")
            writer.object { writer in
                writer.field("{", "[")
                writer.field(":", ",")
            }
            writer.raw(Array(#""[""#.utf8))
            writer.raw([UInt8]())
        }
        #expect(String(decoding: writer.bytes, as: UTF8.self) == #"["[","{",":",{"{":"[",":":","},"[",null]"#)
    }

    @Test func `strings lent as bytes are escaped`() {
        var writer = JSONWriter()
        Array("tab\there".utf8).withUnsafeBytes { writer.string(utf8: $0) }
        #expect(String(decoding: writer.bytes, as: UTF8.self) == #""tab\there""#)
    }

    @Test func `escapes are found at every place in a word`() throws {
        for length in 0..<20 {
            for place in 0..<max(length, 1) where length > 0 {
                for special in ["\"", "\\", "\u{0}", "\u{1F}", "\n", "é"] {
                    let text =
                        String(repeating: "x", count: place) + special
                        + String(repeating: "y", count: length - place - 1)
                    var writer = JSONWriter()
                    writer.string(text)
                    #expect(try JSONValue.parse(writer.bytes) == .string(text))
                }
            }
        }
    }
}
