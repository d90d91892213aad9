import EventSigning
import Testing

@Suite struct SigningKeyTests {
    @Test func theFileFormatComesBack() throws {
        let key = SigningKey.generate(version: "a_AbCd")
        #expect(key.keyID == "ed25519:a_AbCd")
        #expect(key.fileText.hasPrefix("ed25519 a_AbCd "))
        let read = try SigningKey(fileText: "\n" + key.fileText + "\n")
        #expect(read.keyID == key.keyID)
        #expect(read.publicKey == key.publicKey)
        #expect(try read.signature(of: [1]) == key.signature(of: [1]))
    }

    @Test func aFileOfAnotherServerIsRead() throws {
        let key = try SigningKey(fileText: "ed25519 1 YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1\r\n")
        #expect(key.keyID == "ed25519:1")
        #expect(key.publicKeyBase64 == "XGX0JRS2Af3be3knz2fBiRbApjm2Dh61gXDJA8kcJNI")
    }

    @Test(arguments: [
        "", "\n", "ed25519", "ed25519 a", "rsa a YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1", "ed25519 a ??",
        "ed25519 a YJDB", "ed25519 a:b YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1",
    ])
    func aMalformedFileIsRefused(text: String) {
        #expect(throws: SigningError.self) { try SigningKey(fileText: text) }
    }

    @Test func everyKeyIsNew() {
        #expect(SigningKey.generate(version: "a").seed != SigningKey.generate(version: "a").seed)
        #expect(SigningKey.generate(version: "").keyID == "ed25519:auto")
        #expect(SigningKey.generate(version: "a b\u{e9}").keyID == "ed25519:a_b__")
    }
}
