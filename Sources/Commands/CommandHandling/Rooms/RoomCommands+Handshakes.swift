package import CanonicalJSON
package import Decisions
import LogEvents
import MatrixEvents
package import MatrixIdentifiers
import RoomVersions
import Synchronization

/// Whether a user who was not invited may join a room with a `restricted` join rule, as far as this server can say.
package enum RestrictedEntry: Sendable {
    /// A condition is met; one of these users with the power to invite vouches for it.
    case met(vouchers: [UserID])
    /// All conditions are known here, and none is met.
    case failed
    /// No condition is met that is known here, and others are not known.
    case unknown
}

extension RoomCommands {
    /// The membership event of a user of another server at its place behind the room's head, for that server to sign.
    ///
    /// - Parameter entry: asked for a join that nobody invited to.
    /// - Throws: ``Rejection`` when the rules forbid the event.
    package func membershipTemplate(
        _ content: JSONObject, of user: UserID, in room: RoomID, requestID: String,
        entry: @Sendable () throws -> RestrictedEntry
    ) async throws -> JSONObject {
        let draft = EventDraft(
            type: "m.room.member", stateKey: user.rawValue, content: content, sender: user,
            originServerTS: environment.nowMs())
        let decider = decider
        return try await onHead(of: room, by: user, requestID: requestID) { head in
            var draft = draft
            if content["membership"]?.stringValue == "join" { try Self.vouch(for: &draft, on: &head, entry) }
            return try decider.template(draft, on: &head)
        }
    }

    /// A membership event that a user of this server sends about one of another, signed, for that server to sign too.
    package func invitation(
        _ content: JSONObject, to user: UserID, by sender: UserID, in room: RoomID, requestID: String
    ) async throws -> HeldPDU {
        let draft = EventDraft(
            type: "m.room.member", stateKey: user.rawValue, content: content, sender: sender,
            originServerTS: environment.nowMs())
        let decider = decider
        return try await onHead(of: room, by: sender, requestID: requestID) { try decider.proposal(draft, on: &$0) }
    }

    /// Makes something of the room's head on its lane; nothing is appended.
    private func onHead<Made: Sendable>(
        of room: RoomID, by user: UserID, requestID: String, _ make: @Sendable (inout RoomHeadState) throws -> Made
    ) async throws -> Made {
        let made = Box<Made>()
        let caller = Caller(userID: user, deviceID: nil, requestID: requestID)
        _ = try await inLane(room, caller: caller) { head in
            let value = try make(&head)
            made.value.withLock { $0 = value }
            guard let create = try head.held("m.room.create", "") else {
                throw Rejection.notFound("The room has no create event.")
            }
            return RoomLane.Outcome(facts: [], eventID: create.eventID)
        }
        guard let value = made.value.withLock({ $0 }) else { throw NeedsSettledRoom() }
        return value
    }

    private final class Box<Value: Sendable>: Sendable {
        let value = Mutex<Value?>(nil)
    }

    /// Names a user with the power to invite as the one who lets the sender into a restricted room.
    private static func vouch(
        for draft: inout EventDraft, on head: inout RoomHeadState, _ entry: () throws -> RestrictedEntry
    ) throws {
        guard let rules = try head.held("m.room.join_rules", "")?.pdu.content,
            AllowedRooms(content: rules, version: head.version) != nil
        else { return }
        let current = try head.held("m.room.member", draft.sender.rawValue)
        switch current.flatMap({ Membership(content: $0.pdu.content) }) {
        // "If the user is responding to an invite, this is not required." What a ban means the rules say.
        case .join, .invite, .ban: return
        case .leave, .knock, nil: break
        }
        switch try entry() {
        case .met(let vouchers):
            let levels = try head.powerLevels()
            guard let voucher = vouchers.first(where: { levels.level(of: $0) >= levels.invite }) else {
                // "the resident server would be unable to meet the auth rules governing
                // `join_authorised_via_users_server`"
                throw Rejection(400, "M_UNABLE_TO_GRANT_JOIN", "Nobody on this server may invite to the room.")
            }
            draft.content["join_authorised_via_users_server"] = .string(voucher.rawValue)
        case .failed: throw RestrictedEntry.refusal
        case .unknown: throw RestrictedEntry.uncertainty
        }
    }
}

extension RestrictedEntry {
    /// "If the joining server fails all conditions then a 403 `M_FORBIDDEN` error is used by the resident server."
    package static let refusal = Rejection.forbidden("You are in none of the rooms whose members may join this room.")

    /// "`M_UNABLE_TO_AUTHORISE_JOIN` … to denote that the resident server is unable to validate any of the conditions".
    package static let uncertainty = Rejection(
        400, "M_UNABLE_TO_AUTHORISE_JOIN", "This server does not know the rooms whose members may join this room.")
}
