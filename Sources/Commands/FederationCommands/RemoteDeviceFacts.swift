import CanonicalJSON
package import CommandHandling
import EventLog
import LogEvents
import MatrixIdentifiers
import Queries
import ReadModel

/// Records what other servers say of their users' devices, one user's one after another.
///
/// What changes while a whole list is on its way must not be lost: the list is recorded only when nothing was recorded
/// about the user since it was asked for.
package final class RemoteDeviceFacts: Sendable {
    private let environment: CommandEnvironment
    private let turns = KeyedTurns()
    let queries: RemoteDeviceQueries

    package init(environment: CommandEnvironment) {
        self.environment = environment
        queries = RemoteDeviceQueries(views: environment.views, ownServer: environment.serverName)
    }

    /// Only one of these streams' writers is this process, and it comes here.
    private static func stream(of user: UserID) -> StreamID { StreamID(kind: .user, name: user.rawValue) }

    /// What is compared before a whole list is recorded.
    func version(of user: UserID) throws -> UInt64 { try environment.log.streamVersion(of: Self.stream(of: user)) }

    /// Records a whole list.
    ///
    /// - Returns: false when it may be out of date already.
    func learn(_ fact: RemoteDevicesLearned, of user: UserID, asOf version: UInt64) async throws -> Bool {
        try await turns.run(user.rawValue) {
            guard try self.version(of: user) == version else { return false }
            try await append(fact, of: user)
            return true
        }
    }

    /// Records an update.
    ///
    /// - Parameter decide: from what is kept, when that can be trusted; otherwise nil.
    func update(_ user: UserID, _ decide: (RemoteUserRow) -> Update) async throws {
        try await turns.run(user.rawValue) {
            let standing = try queries.standing(of: user)
            // Nobody here shares a room with the user, so nobody is told, and what is kept is not used as it is.
            if standing == .unrelated { return }
            let row = standing == .current ? try queries.row(of: user) : nil
            switch row.map(decide) ?? .outdated {
            case .known: return
            case .outdated: try await append(RemoteDevicesOutdated(userID: user.rawValue), of: user)
            case .device(let fact): try await append(fact, of: user)
            case .signingKeys(let fact): try await append(fact, of: user)
            }
        }
    }

    /// What an update means for what is kept.
    enum Update {
        /// It has come before.
        case known
        /// Something before it is missing.
        case outdated
        case device(RemoteDeviceUpdated)
        case signingKeys(RemoteSigningKeysUpdated)
    }

    private func append(_ fact: some LogEvent, of user: UserID) async throws {
        let record = fact.record(stream: Self.stream(of: user), actor: user.rawValue, cause: "federation")
        _ = try await environment.log.append(LogBatch(records: [record]))
    }
}
