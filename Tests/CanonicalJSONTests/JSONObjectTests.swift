import CanonicalJSON
import Testing

@Suite struct JSONObjectTests {
    @Test func `members are set, replaced and removed`() {
        var object: JSONObject = ["b": 1, "a": "x", "c": [true, .null, 1.5]]
        #expect(object.keys == ["a", "b", "c"])
        object["b"] = .integer(2)
        object["aa"] = nil
        object["d"] = .null
        #expect(object.description == #"{"a":"x","b":2,"c":[true,null,1.5],"d":null}"#)
        object["a"] = nil
        #expect(object.removeValue(forKey: "c") == [true, .null, 1.5])
        #expect(object.removeValue(forKey: "c") == nil)
        #expect(object == ["d": .null, "b": 2])
        #expect(object.count == 2)
        #expect(object.contains("d") && !object.contains("a"))
        #expect(object.map(\.key) == ["b", "d"])
        #expect(object.values == [2, .null])
    }

    @Test func `of equal keys the last wins`() {
        #expect(JSONObject([("a", 1), ("b", 2), ("a", 3), ("a", 4)]) == ["a": 4, "b": 2])
        #expect(JSONObject([("a", 1), ("a", 3)]) == ["a": 3])
    }

    @Test func `a copy does not follow its original`() {
        var one: JSONObject = ["a": ["b": 1]]
        let other = one
        one["a"] = .object(["b": 2])
        #expect(other["a"]?["b"] == 1)
        #expect(one["a"]?["b"] == 2)
    }

    @Test func `mapping, filtering and merging keep the order`() {
        let object: JSONObject = ["b": 2, "a": 1, "c": 3]
        #expect(object.mapValues { _ in 0 } == ["a": 0, "b": 0, "c": 0])
        #expect(object.filter { _, value in value != 2 }.keys == ["a", "c"])
        #expect(object.merging(["b": 5, "d": 6]).description == #"{"a":1,"b":5,"c":3,"d":6}"#)
    }

    @Test func `accessors answer only for their kind`() {
        let value: JSONValue = ["s": "x", "i": 1, "d": 1.5, "b": true, "n": .null, "a": [1], "o": [:]]
        #expect(value["s"]?.stringValue == "x" && value["i"]?.stringValue == nil)
        #expect(value["i"]?.integerValue == 1 && value["d"]?.integerValue == nil)
        #expect(value["i"]?.doubleValue == 1 && value["d"]?.doubleValue == 1.5)
        #expect(value["b"]?.boolValue == true && value["i"]?.boolValue == nil)
        #expect(value["n"]?.isNull == true && value["s"]?.isNull == false)
        #expect(value["a"]?.arrayValue == [1] && value["o"]?.arrayValue == nil)
        #expect(value["o"]?.objectValue == JSONObject() && value["a"]?.objectValue == nil)
        #expect(value["absent"] == nil && value["s"]?["x"] == nil)
    }

    @Test func `omitted members are left out at the top only`() throws {
        let text = Array(#"{"signatures":1,"a":{"unsigned":2},"unsigned":3,"b":4}"#.utf8)
        let expected = #"{"a":{"unsigned":2},"b":4}"#
        var byTree: [UInt8] = []
        var byTape: [UInt8] = []
        let omitted = ["signatures", "unsigned"]
        try JSONValue.parse(text).objectValue?.writeCanonical(into: &byTree, omitting: omitted)
        try JSONDocument(parsing: text, limits: .pdu).root.writeCanonical(into: &byTape, omitting: omitted)
        #expect(String(decoding: byTree, as: UTF8.self) == expected)
        #expect(byTape == byTree)
    }

    @Test func `a text that is no object is told apart from one that is no JSON`() throws {
        #expect(try JSONObject.parse(Array("[]".utf8)) == nil)
        #expect(try JSONObject.parse(Array(#"{"a":1}"#.utf8)) == ["a": 1])
        #expect(throws: JSONError.self) { try JSONObject.parse(Array("{".utf8)) }
    }
}
