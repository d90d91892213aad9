import KeyValueStore
import Projections
import ReadModel
import SearchText

/// One search of the user directory.
struct DirectoryScan {
    let snapshot: Snapshot
    let settings: UserDirectoryQueries.Settings
    let bounds: UserDirectoryQueries.Bounds
    let asker: UserNum
    /// Whether there may be more than was looked at.
    private(set) var isCut = false
    private var membershipsLeft = 0
    private var ownRooms: Set<RoomNum> = []
    private var openRooms: [RoomNum: Bool] = [:]

    init(
        snapshot: Snapshot, settings: UserDirectoryQueries.Settings, bounds: UserDirectoryQueries.Bounds, asker: UserNum
    ) {
        self.snapshot = snapshot
        self.settings = settings
        self.bounds = bounds
        self.asker = asker
    }

    mutating func find(_ term: DirectoryTerm) throws -> [DirectoryMatch] {
        membershipsLeft = bounds.memberships
        try snapshot.forEachMembership(of: asker) { room, row in
            if row.membership == .join { ownRooms.insert(room) }
        }
        var found: [DirectoryMatch] = []
        for user in try candidates(term) {
            guard let match = try judge(user, term) else { continue }
            found.append(match)
        }
        return found
    }

    // MARK: Candidates

    /// Those of the rarest word of the term. Of a beginning that too many share, the shortest words and those whom the
    /// asker has a room with.
    private mutating func candidates(_ term: DirectoryTerm) throws -> [UserNum] {
        var best: [UserNum] = []
        var isWhole = false
        for word in term.words {
            var users: [UserNum] = []
            var seen: Set<UserNum> = []
            var isComplete = true
            var count = 0
            try snapshot.forEach(snapshot.tables.userDirectoryWords, prefix: ViewKeys.directoryWords(word)) { key, _ in
                count += 1
                if count > bounds.postings { isComplete = false }
                if isComplete, let user = ViewKeys.user(ofDirectoryWord: key), seen.insert(user).inserted {
                    users.append(user)
                }
                return isComplete
            }
            if best.isEmpty && !isWhole || isComplete && (!isWhole || users.count < best.count) { best = users }
            if isComplete { isWhole = true }
        }
        if isWhole { return best }
        isCut = true
        return best + (try sharedMembers(besides: Set(best)))
    }

    private func sharedMembers(besides known: Set<UserNum>) throws -> [UserNum] {
        let rooms = try ownRooms.map { (room: $0, members: try snapshot.head(of: $0)?.joinedCount ?? 0) }
            .sorted { ($0.members, $0.room) < ($1.members, $1.room) }
        var seen = known
        var users: [UserNum] = []
        var left = bounds.sharedMembers
        for room in rooms where left > 0 {
            try snapshot.forEachMember(of: room.room) { user, row in
                left -= 1
                if row.membership == .join, seen.insert(user).inserted { users.append(user) }
                return left > 0
            }
        }
        return users
    }

    // MARK: Judging

    private mutating func judge(_ user: UserNum, _ term: DirectoryTerm) throws -> DirectoryMatch? {
        guard
            let row = try snapshot.get(
                snapshot.tables.userDirectoryUsers, ViewKeys.user(user), { try DirectoryUserRow(reading: $0) }),
            !row.isDeactivated, row.isLocal || !settings.excludesRemoteUsers
        else { return nil }
        let userID = String(decoding: try snapshot.text(user), as: UTF8.self)
        let server = userID.utf8.drop { $0 != UInt8(ascii: ":") }.dropFirst()
        if let wanted = term.server, !server.starts(with: wanted) { return nil }
        let words = DirectoryWords.all(userID: userID, row)
        guard term.words.allSatisfy({ wanted in words.contains { $0.starts(with: wanted) } }) else { return nil }
        let sharesRoom: Bool
        switch try sight(of: user, row) {
        case .hidden: return nil
        case .visible: sharesRoom = false
        case .sharesRoom: sharesRoom = true
        }
        if row.isLocal, !settings.showsLockedUsers, try snapshot.account(user)?.isLocked == true { return nil }
        let isExact =
            SearchWords.words(in: DirectoryWords.localpart(of: userID)) == term.phrase
            || row.displayName.map { SearchWords.words(in: $0) == term.phrase } == true
        return DirectoryMatch(
            userID: userID, row: row, isExact: isExact, wholeWords: term.words.count { words.contains($0) },
            sharesRoom: sharesRoom, isPreferred: settings.prefersLocalUsers && row.isLocal)
    }

    private enum Sight {
        case hidden
        case visible
        case sharesRoom
    }

    /// "users visible in public rooms and users sharing a room with the requester", or all whom the server knows.
    private mutating func sight(of user: UserNum, _ row: DirectoryUserRow) throws -> Sight {
        if settings.searchesAllUsers, user == asker { return .hidden }
        var sight = settings.searchesAllUsers && row.isLocal ? Sight.visible : .hidden
        var left = membershipsLeft
        var open = openRooms
        try snapshot.forEach(snapshot.tables.membershipsByUser, prefix: ViewKeys.user(user)) { key, value in
            guard left > 0 else { return false }
            left -= 1
            guard let number: UInt32 = key.number(at: 4), try MembershipRow(reading: value).membership == .join else {
                return true
            }
            let room = RoomNum(rawValue: number)
            if user != asker, ownRooms.contains(room) {
                sight = .sharesRoom
                return false
            }
            if sight == .hidden, try isOpen(room, &open) { sight = .visible }
            return true
        }
        if left == 0, sight != .sharesRoom { isCut = true }
        membershipsLeft = left
        openRooms = open
        return sight
    }

    private func isOpen(_ room: RoomNum, _ known: inout [RoomNum: Bool]) throws -> Bool {
        if let known = known[room] { return known }
        let row = try snapshot.get(snapshot.tables.userDirectoryRooms, ViewKeys.room(room)) {
            try DirectoryRoomRow(reading: $0)
        }
        let isOpen = row.map { $0.localMembers > 0 && ($0.isPublic || settings.searchesAllUsers) } ?? false
        known[room] = isOpen
        return isOpen
    }
}
