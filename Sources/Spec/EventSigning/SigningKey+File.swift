extension SigningKey {
    /// The key as one line of a `signing.key` file: `ed25519 a_abcd` and the seed in unpadded Base64.
    package var fileText: String {
        "ed25519 \(keyID.dropFirst("ed25519:".count)) \(UnpaddedBase64.encode(seed))"
    }

    /// Reads a `signing.key` file, in which blank lines are skipped and the first key counts.
    package init(fileText: String) throws(SigningError) {
        for line in fileText.split(whereSeparator: \.isNewline) {
            let parts = line.split(whereSeparator: \.isWhitespace)
            if parts.isEmpty { continue }
            guard parts.count == 3 else { throw .malformedKey("a line must have three words") }
            guard parts[0] == "ed25519" else { throw .malformedKey("the algorithm must be ed25519") }
            guard let seed = UnpaddedBase64.decode(String(parts[2])) else {
                throw .malformedKey("the seed is not Base64")
            }
            try self.init(seed: seed, keyID: "ed25519:" + parts[1])
            return
        }
        throw .malformedKey("there is no key in it")
    }
}
