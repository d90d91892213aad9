package import CanonicalJSON
import KeyValueStore
import MatrixIdentifiers
import Projections
package import ReadModel
import SearchText

/// Looks for users by the beginnings of the words of their names.
package struct UserDirectoryQueries: Sendable {
    /// The settings below `user_directory`.
    package struct Settings: Sendable, Hashable {
        package var isEnabled = true
        package var searchesAllUsers = false
        package var prefersLocalUsers = false
        package var showsLockedUsers = false
        package var excludesRemoteUsers = false

        package init() {}
    }

    /// How much one query may look at. What lies beyond is not found, and the answer says that it is limited.
    struct Bounds: Sendable {
        /// Entries of one word's beginning.
        var postings = 4000
        /// Members of the asker's own rooms, when a beginning has more entries than that.
        var sharedMembers = 4000
        /// Memberships of those who were found.
        var memberships = 40_000
    }

    package static let defaultLimit = 10
    private static let mostResults = 50

    private let views: Views
    private let settings: Settings
    private let bounds: Bounds

    package init(views: Views, settings: Settings) {
        self.init(views: views, settings: settings, bounds: Bounds())
    }

    init(views: Views, settings: Settings, bounds: Bounds) {
        self.views = views
        self.settings = settings
        self.bounds = bounds
    }

    /// The answer of `POST /user_directory/search`.
    package func search(_ term: String, limit: Int, by asker: Asker) throws -> JSONValue {
        guard settings.isEnabled, let wanted = DirectoryTerm(term) else { return Self.answer([], isLimited: false) }
        let limit = min(max(limit, 0), Self.mostResults)
        return try views.snapshot { snapshot in
            var scan = DirectoryScan(
                snapshot: snapshot, settings: settings, bounds: bounds, asker: asker.identity.userNum)
            let found = try scan.find(wanted).sorted()
            return Self.answer(found.prefix(limit), isLimited: scan.isCut || found.count > limit)
        }
    }

    private static func answer(_ found: some Sequence<DirectoryMatch>, isLimited: Bool) -> JSONValue {
        let results = found.map { match -> JSONValue in
            var result: JSONObject = ["user_id": .string(match.userID)]
            if let name = match.row.displayName { result["display_name"] = .string(name) }
            if let avatar = match.row.avatarURL { result["avatar_url"] = .string(avatar) }
            return .object(result)
        }
        return ["limited": .bool(isLimited), "results": .array(results)]
    }
}

/// What somebody typed.
struct DirectoryTerm {
    /// All must be found. Not empty.
    let words: [[UInt8]]
    /// The whole of what was typed, word by word.
    let phrase: [[UInt8]]
    /// Of a term that begins like a user ID: how the server's name must begin.
    let server: [UInt8]?

    init?(_ term: String) {
        var names = term
        var server: [UInt8]?
        if term.utf8.first == UInt8(ascii: "@"), let colon = term.firstIndex(of: ":") {
            names = String(term[..<colon])
            server = term[term.index(after: colon)...].utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        }
        phrase = SearchWords.words(in: names)
        var words: [[UInt8]] = []
        for word in phrase where !words.contains(word) { words.append(word) }
        if words.isEmpty { return nil }
        self.words = words
        self.server = server
    }
}

/// Somebody who was found.
struct DirectoryMatch: Comparable {
    let userID: String
    let row: DirectoryUserRow
    /// The greater, the better the name fits; compared first where one is called exactly what was typed.
    let isExact: Bool
    let wholeWords: Int
    let sharesRoom: Bool
    let isPreferred: Bool

    private var shown: Int { (row.displayName == nil ? 0 : 1) + (row.avatarURL == nil ? 0 : 1) }

    /// The better one first.
    static func < (left: DirectoryMatch, right: DirectoryMatch) -> Bool {
        if left.isExact != right.isExact { return left.isExact }
        if left.sharesRoom != right.sharesRoom { return left.sharesRoom }
        if left.isPreferred != right.isPreferred { return left.isPreferred }
        if left.wholeWords != right.wholeWords { return left.wholeWords > right.wholeWords }
        if left.shown != right.shown { return left.shown > right.shown }
        return left.userID.utf8.lexicographicallyPrecedes(right.userID.utf8)
    }

    static func == (left: DirectoryMatch, right: DirectoryMatch) -> Bool {
        left.userID.utf8.elementsEqual(right.userID.utf8)
    }
}
