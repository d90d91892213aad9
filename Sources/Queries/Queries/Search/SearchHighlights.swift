import SearchIndex
import SearchText

/// "List of words which should be highlighted": those that were looked for, and how the results spell them.
struct SearchHighlights {
    let found: [String]

    private static let mostWords = 64
    /// How much of each text is looked at.
    private static let longestText = 4096

    init(_ term: String, texts: [String]) {
        var seen: Set<[UInt8]> = []
        var found: [String] = []
        func add(_ word: String) {
            let lowered = word.lowercased()
            if found.count < Self.mostWords, seen.insert(Array(lowered.utf8)).inserted { found.append(lowered) }
        }
        var wanted: Set<[UInt8]> = []
        for piece in SearchExpression(term)?.pieces ?? [] {
            SearchWords.forEach(in: piece) { word, place in
                wanted.insert(word)
                add(String(piece[place]))
                return true
            }
        }
        for text in texts where !wanted.isEmpty {
            let start = String(text.prefix(Self.longestText))
            SearchWords.forEach(in: start) { word, place in
                if wanted.contains(word) { add(String(start[place])) }
                return true
            }
        }
        self.found = found
    }
}
