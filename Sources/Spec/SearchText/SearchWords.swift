/// Takes text apart into words in the form in which they are compared: without case, accents and the differences of width.
///
/// Words are bytes of UTF-8, since `String ==` would look at them once more.
package enum SearchWords {
    /// The longest word that is kept; longer ones are cut at a character.
    package static let longestWord = 96
    /// In scripts without spaces a name may begin anywhere; so many characters of what follows are kept.
    private static let longestUnspaced = 12

    private enum Kind {
        case letter
        /// A letter of a script that puts no spaces between words.
        case unspaced
        /// An accent that stands by itself: part of a word, but not compared.
        case accent
        /// A picture is a word of its own.
        case symbol
        case separator
    }

    /// Visits the words of a text with where they stand, until `body` answers false.
    package static func forEach(in text: String, _ body: (_ word: [UInt8], _ place: Range<String.Index>) -> Bool) {
        let scalars = text.unicodeScalars
        var word: [UInt8] = []
        var runKind = Kind.separator
        var start = scalars.startIndex
        var index = start
        while index < scalars.endIndex {
            let scalar = scalars[index]
            let kind = kind(of: scalar)
            let continues =
                switch kind {
                case .letter, .unspaced: kind == runKind
                case .accent: runKind == .letter || runKind == .unspaced
                case .symbol, .separator: false
                }
            if !continues {
                if !word.isEmpty, !body(word, start..<index) { return }
                word.removeAll(keepingCapacity: true)
                start = index
                runKind = kind
            }
            if kind != .separator, kind != .accent { FoldedScalar.append(scalar, to: &word) }
            index = scalars.index(after: index)
        }
        if !word.isEmpty { _ = body(word, start..<index) }
    }

    /// The words of a text in their order, as one looks for them.
    package static func words(in text: String, atMost limit: Int = 32) -> [[UInt8]] {
        var words: [[UInt8]] = []
        forEach(in: text) { word, _ in
            words.append(shortened(word))
            return words.count < limit
        }
        return words
    }

    /// The words by which a text is found when somebody types the beginnings of words: those of ``words(in:atMost:)``, and of
    /// scripts without spaces also what begins inside a word. None comes twice.
    package static func prefixWords(in text: String, atMost limit: Int = 64) -> [[UInt8]] {
        var found: [[UInt8]] = []
        var seen: Set<[UInt8]> = []
        forEach(in: text) { word, place in
            if let first = text.unicodeScalars[place].first, kind(of: first) == .unspaced {
                var starts = word.indices.filter { word[$0] & 0xC0 != 0x80 }
                while let start = starts.first, found.count < limit {
                    let end = starts.count > longestUnspaced ? starts[longestUnspaced] : word.count
                    let suffix = Array(word[start..<end])
                    if seen.insert(suffix).inserted { found.append(suffix) }
                    starts.removeFirst()
                }
            } else {
                let short = shortened(word)
                if seen.insert(short).inserted { found.append(short) }
            }
            return found.count < limit
        }
        return found
    }

    /// The text with spaces around each character of scripts that put none between words, so that a tokenizer that knows only
    /// spaces finds every one of them. Without zeroes, at which text would end in C.
    package static func spaced(_ text: String) -> String {
        let isPlain = text.unicodeScalars.allSatisfy { $0.value > 0 && ($0.isASCII || kind(of: $0) != .unspaced) }
        if isPlain { return text }
        var spaced = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if scalar.value == 0 {
                spaced.append(" ")
            } else if kind(of: scalar) == .unspaced {
                spaced.append(contentsOf: [" ", scalar, " "])
            } else {
                spaced.append(scalar)
            }
        }
        return String(spaced)
    }

    private static func shortened(_ word: [UInt8]) -> [UInt8] {
        guard word.count > longestWord else { return word }
        var end = longestWord
        while end > 0, word[end] & 0xC0 == 0x80 { end -= 1 }
        return Array(word[..<end])
    }

    private static func kind(of scalar: Unicode.Scalar) -> Kind {
        if scalar.isASCII {
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9": return .letter
            default: return .separator
            }
        }
        switch scalar.value {
        case 0x300...0x36F, 0x591...0x5BD, 0x64B...0x65F, 0x1AB0...0x1AFF, 0x1DC0...0x1DFF, 0x20D0...0x20FF,
            0xFE20...0xFE2F:
            return .accent
        // Thai, Lao, Burmese, Khmer; kana; Han.
        case 0xE00...0xEFF, 0x1000...0x109F, 0x1780...0x17FF, 0x3041...0x30FF, 0x31F0...0x31FF, 0x3400...0x4DBF,
            0x4E00...0x9FFF, 0xF900...0xFAFF, 0x20000...0x3FFFF:
            return .unspaced
        default: break
        }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
            .letterNumber, .otherNumber, .nonspacingMark, .spacingMark, .enclosingMark:
            return .letter
        case .otherSymbol: return .symbol
        default: return .separator
        }
    }
}
