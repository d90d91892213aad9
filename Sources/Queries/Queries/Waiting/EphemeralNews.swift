package import MatrixIdentifiers
package import ReadModel

/// Something that is not in the log happened, of which others than waiting clients may want to hear.
package enum EphemeralNews: Sendable, Hashable {
    case typing(room: RoomNum, user: UserID, isTyping: Bool)
    /// The user's presence changed, or there are others to hear of it.
    case presence(UserNum)

    /// What it is news of: the newest counts.
    package enum Subject: Sendable, Hashable {
        case typing(RoomNum, UserID)
        case presence(UserNum)
    }

    package var subject: Subject {
        switch self {
        case .typing(let room, let user, _): .typing(room, user)
        case .presence(let user): .presence(user)
        }
    }
}
