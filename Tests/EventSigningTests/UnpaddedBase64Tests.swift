import EventSigning
import TestSupport
import Testing

@Suite struct UnpaddedBase64Tests {
    /// The examples of the specification's appendix.
    @Test(arguments: [
        ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
        ("foobar", "Zm9vYmFy"),
    ])
    func specificationExamples(text: String, encoded: String) {
        #expect(UnpaddedBase64.encode(text.utf8) == encoded)
        #expect(UnpaddedBase64.encodeURLSafe(text.utf8) == encoded)
        #expect(UnpaddedBase64.decode(encoded) == Array(text.utf8))
    }

    @Test func theAlphabetsDifferInTwoCharacters() {
        let bytes: [UInt8] = [0xFB, 0xEF, 0xBE, 0xFF, 0xFF, 0xFF]
        #expect(UnpaddedBase64.encode(bytes) == "++++////")
        #expect(UnpaddedBase64.encodeURLSafe(bytes) == "----____")
        #expect(UnpaddedBase64.decode("++++////") == bytes)
        #expect(UnpaddedBase64.decode("----____") == bytes)
    }

    @Test func paddingIsAcceptedWhereItFillsAGroup() {
        #expect(UnpaddedBase64.decode("Zg==") == [0x66])
        #expect(UnpaddedBase64.decode("Zm8=") == [0x66, 0x6F])
        for bad in ["Zg=", "Zg===", "Zm9v=", "=", "Z", "Zm9vY", "Zg=a", "Zm 9", "Zm\u{e9}", "Zm9v\n"] {
            #expect(UnpaddedBase64.decode(bad) == nil, "\(bad)")
        }
    }

    @Test func anyBytesComeBack() {
        var random = SeededRandom(seed: 1)
        for count in 0..<100 {
            let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            #expect(UnpaddedBase64.decode(UnpaddedBase64.encode(bytes)) == bytes)
            #expect(UnpaddedBase64.decode(UnpaddedBase64.encodeURLSafe(bytes)) == bytes)
        }
    }
}
