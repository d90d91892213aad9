import MatrixIdentifiers
import Queries
import ReadModel

/// Finds out which servers hear of what is not in the log.
struct EphemeralGossip {
    private let destinations: DestinationQueries
    private let ephemeral: EphemeralState?
    private let settings: FederationSender.Settings
    /// When it was last said that somebody types, who still does.
    private var typing: [Typist: Int64] = [:]
    private var presenceRepeatedMs: Int64?

    private struct Typist: Hashable {
        let room: RoomNum
        let user: UserID
    }

    /// Clients say it again and again; others need it less often.
    private static let typingRepeatMs: Int64 = 20_000
    private static let mostTypists = 10_000

    init(_ destinations: DestinationQueries, ephemeral: EphemeralState?, settings: FederationSender.Settings) {
        self.destinations = destinations
        self.ephemeral = ephemeral
        self.settings = settings
    }

    mutating func tell(_ news: [EphemeralNews], by desk: inout FederationDesk, nowMs: Int64) throws {
        for news in news {
            switch news {
            case .typing(let room, let user, let isTyping):
                try tellTyping(user, isTyping, in: room, by: &desk, nowMs: nowMs)
            case .presence(let number): try tellPresence(of: number, by: &desk, nowMs: nowMs)
            }
        }
        guard let ephemeral, ephemeral.presence.isEnabled else { return }
        let last = presenceRepeatedMs ?? nowMs
        presenceRepeatedMs = presenceRepeatedMs ?? nowMs
        guard nowMs &- last >= settings.presenceRepeatMs else { return }
        presenceRepeatedMs = nowMs
        for (user, entry) in ephemeral.presence.everybody where entry.availability != .offline {
            try tellPresence(of: user, by: &desk, nowMs: nowMs)
        }
    }

    private mutating func tellTyping(
        _ user: UserID, _ isTyping: Bool, in room: RoomNum, by desk: inout FederationDesk, nowMs: Int64
    ) throws {
        guard user.isOn(destinations.ownServer) else { return }
        let typist = Typist(room: room, user: user)
        if isTyping {
            if let last = typing[typist], nowMs &- last < Self.typingRepeatMs { return }
            if typing.count >= Self.mostTypists { typing.removeAll() }
            typing[typist] = nowMs
        } else {
            typing[typist] = nil
        }
        guard let found = try destinations.servers(in: room) else { return }
        let entry = EphemeralMail.Entry(
            key: .typing(found.room, user), content: .typing(isTyping, atMs: nowMs))
        desk.post(entry, to: found.servers, nowMs: nowMs)
    }

    private func tellPresence(of number: UserNum, by desk: inout FederationDesk, nowMs: Int64) throws {
        let user = try destinations.userID(number)
        guard user.isOn(destinations.ownServer) else { return }
        let servers = try destinations.servers(sharingWith: user).sorted()
        desk.post(EphemeralMail.Entry(key: .presence(user), content: .presence), to: servers, nowMs: nowMs)
    }
}
