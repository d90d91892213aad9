package import ReadModel
import SearchText

/// By which words the directory finds a user.
package enum DirectoryWords {
    /// The part of a user ID between `@` and `:`.
    package static func localpart(of userID: String) -> String {
        String(decoding: userID.utf8.dropFirst().prefix { $0 != UInt8(ascii: ":") }, as: UTF8.self)
    }

    /// Those of the localpart and of the display name; none of one who is gone.
    package static func all(userID: String, _ row: DirectoryUserRow) -> Set<[UInt8]> {
        if row.isDeactivated { return [] }
        let words = SearchWords.prefixWords(in: localpart(of: userID))
        return Set(words + (row.displayName.map { SearchWords.prefixWords(in: $0) } ?? []))
    }
}
