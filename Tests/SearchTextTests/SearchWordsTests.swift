import SearchText
import Testing

@Suite struct SearchWordsTests {
    private func words(_ text: String) -> [String] {
        SearchWords.words(in: text).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(arguments: [
        ("Hello, World", ["hello", "world"]),
        ("alice.b_smith-42", ["alice", "b", "smith", "42"]),
        ("Ångström É e\u{301}", ["angstrom", "e", "e"]),
        ("STRASSE straße", ["strasse", "strasse"]),
        ("ΣΊΣΥΦΟΣ σίσυφος", ["σισυφοσ", "σισυφοσ"]),
        ("Łódź Øre ﬁn", ["lodz", "ore", "fin"]),
        ("Ёлка Елка", ["елка", "елка"]),
        ("Ａｌｉｃｅ 𝓐𝓵𝓲𝓬𝓮 𝟜𝟚", ["alice", "alice", "42"]),
        ("İstanbul ılık", ["istanbul", "ilik"]),
        ("Bob🔥🔥x", ["bob", "🔥", "🔥", "x"]),
        ("山田taro", ["山田", "taro"]),
        ("", []), (" .,-\u{0}", []),
    ])
    func wordsAreFolded(text: String, expected: [String]) {
        #expect(words(text) == expected)
    }

    @Test func scriptsWithoutSpacesAreFoundInside() {
        let found = SearchWords.prefixWords(in: "山田太郎 taro taro").map { String(decoding: $0, as: UTF8.self) }
        #expect(found == ["山田太郎", "田太郎", "太郎", "郎", "taro"])
    }

    @Test func wordsAreBounded() {
        let long = SearchWords.words(in: String(repeating: "é", count: 40) + String(repeating: "中", count: 500))
        #expect(long.count == 2 && long.allSatisfy { $0.count <= SearchWords.longestWord })
        #expect(String(validating: long[1], as: UTF8.self) != nil, "cut at a character")
        #expect(SearchWords.prefixWords(in: String(repeating: "中文字", count: 500)).count <= 64)
        #expect(SearchWords.words(in: String(repeating: "a ", count: 500)).count == 32)
    }

    @Test func placesAreThoseOfTheText() {
        let text = "Été, l’ÉTÉ\u{301}!"
        var places: [String] = []
        SearchWords.forEach(in: text) { _, place in
            places.append(String(text[place]))
            return true
        }
        #expect(places == ["Été", "l", "ÉTÉ\u{301}"])
    }
}
