/// A text as conditions compare it: without regard to case, one number for each character.
///
/// "The exact meaning of "case insensitive" is defined by the implementation of the homeserver": it is Unicode's lower case.
struct FoldedText: Sendable, Hashable {
    let scalars: [UInt32]

    init(_ text: String) {
        if text.utf8.allSatisfy({ $0 < 0x80 }) {
            scalars = text.utf8.map { byte in
                UInt32(byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte)
            }
        } else {
            scalars = text.lowercased().unicodeScalars.map(\.value)
        }
    }

    /// "A word boundary is defined as the start or end of the value, or any character not in the sets `[A-Z]`, `[a-z]`,
    /// `[0-9]` or `_`."
    func isBoundary(at index: Int) -> Bool {
        guard index > 0, index < scalars.count else { return true }
        return !Self.isWord(scalars[index - 1]) || !Self.isWord(scalars[index])
    }

    static func isWord(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x30...0x39, 0x41...0x5a, 0x5f, 0x61...0x7a: true
        default: false
        }
    }

    /// The words between the boundaries.
    var words: Set<[UInt32]> {
        Set(scalars.split { !Self.isWord($0) }.map(Array.init))
    }
}
