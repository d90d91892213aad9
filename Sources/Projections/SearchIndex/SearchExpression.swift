import ReadModel
import SearchText

/// What somebody looks for, in the language of FTS5 with nothing of that language left in what they typed.
package struct SearchExpression: Sendable, Hashable {
    /// Which members of events are looked into.
    package enum Key: String, Sendable, Hashable, CaseIterable {
        case body
        case name
        case topic

        /// As the index stores it.
        var number: Int {
            switch self {
            case .body: 0
            case .name: 1
            case .topic: 2
            }
        }

        init?(number: Int) {
            guard let key = Self.allCases.first(where: { $0.number == number }) else { return nil }
            self = key
        }
    }

    /// The words and phrases that must all be found, as they were typed.
    package let pieces: [String]
    /// For `MATCH`.
    let match: String

    private static let mostPieces = 32
    private static let longestPiece = 512
    /// Of more rooms the words alone are asked for, since each room is one more list to merge.
    package static let mostRooms = 32

    /// Nil when there is nothing to look for: no letter, no digit, no key, no room.
    ///
    /// - Parameters:
    ///   - term: words, all of which must be found; between quotation marks, in this order.
    ///   - rooms: narrows the search down to rooms when there are few; nil for all.
    package init?(_ term: String, keys: Set<Key> = Set(Key.allCases), rooms: [String]? = nil) {
        var pieces: [String] = []
        for (index, part) in term.split(separator: "\"", omittingEmptySubsequences: false).enumerated() {
            if index % 2 == 1 {
                pieces.append(String(part))
            } else {
                pieces.append(contentsOf: part.split(whereSeparator: \.isWhitespace).map(String.init))
            }
        }
        self.pieces = Array(pieces.filter(Self.hasWord).prefix(Self.mostPieces)).map {
            String($0.prefix(Self.longestPiece))
        }
        guard !self.pieces.isEmpty, !keys.isEmpty, rooms?.isEmpty != true else { return nil }
        // There is no quotation mark in any of them.
        let words = self.pieces.map { "\"\(SearchWords.spaced($0))\"" }.joined(separator: " AND ")
        var match = "text : (\(words))"
        if keys.count < Key.allCases.count {
            match += " AND place : (\(keys.map { "\"\($0.rawValue)\"" }.sorted().joined(separator: " OR ")))"
        }
        if let rooms, rooms.count <= Self.mostRooms {
            match += " AND place : (\(rooms.map { "\"\(Self.place(ofRoom: $0))\"" }.joined(separator: " OR ")))"
        }
        self.match = match
    }

    /// What FTS5 takes for parts of words: letters and digits.
    private static func hasWord(_ piece: String) -> Bool {
        piece.unicodeScalars.contains { scalar in
            switch scalar.properties.generalCategory {
            case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
                .letterNumber, .otherNumber, .privateUse:
                true
            default: false
            }
        }
    }

    /// The word that stands for a room. Rooms may share one; who asks looks at the room of each event.
    static func place(ofRoom roomID: String) -> String {
        let digits = String(FixedHash.short(roomID), radix: 16)
        return "r" + String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }

    /// The words that say where a text is from.
    static func place(ofRoom roomID: String, _ key: Key) -> String { place(ofRoom: roomID) + " " + key.rawValue }
}
