import CanonicalJSON
import Decisions
import EventLog
import LogEvents
import MatrixEvents
import MatrixIdentifiers
import Queries
import ReadModel
import RoomVersions

/// "Servers MUST only allow guest users to join rooms if the `m.room.guest_access` state event is present on the room, and has
/// the `guest_access` value `can_join`."
extension RoomCommands {
    /// Refuses a guest's join to a room that is not open to guests.
    static func requireOpenToGuests(_ head: inout RoomHeadState) throws {
        let access = try head.held("m.room.guest_access", "")?.pdu.content["guest_access"]?.stringValue
        guard access == "can_join" else {
            throw Rejection(403, "M_GUEST_ACCESS_FORBIDDEN", "Guests may not join this room.")
        }
    }

    /// Refuses a guest's join where what opened the room to guests was redacted: the lane holds events as they were sent.
    func requireOpenToGuests(_ room: RoomID) throws {
        let access = try rooms.currentState(room, type: "m.room.guest_access", stateKey: "")
        guard let access, try access.isRedacted == false || access.content()["guest_access"] == "can_join" else {
            throw Rejection(403, "M_GUEST_ACCESS_FORBIDDEN", "Guests may not join this room.")
        }
    }

    /// The guests of this server who are in the room, as far as the views know.
    private func guests(in room: RoomID) throws -> [UserID] {
        try rooms.joinedMembers(room).filter { user in
            guard user.isOn(environment.serverName) else { return false }
            return try accounts.account(user)?.isGuest == true
        }
    }

    /// What a change of state brings about in the same commit: "If the `m.room.guest_access` event is changed to stop this
    /// from being the case, the server MUST set those users' `m.room.member` state to `leave`."
    func guestDepartures(after draft: EventDraft, on head: inout RoomHeadState) throws -> [PDURecorded] {
        guard Self.closesToGuests(draft), head.forwardExtremities.count < Self.mostPredecessors else { return [] }
        return try departures(of: try guests(in: head.roomID), on: &head)
    }

    private static func closesToGuests(_ draft: EventDraft) -> Bool {
        draft.type == "m.room.guest_access" && draft.stateKey == ""
            && draft.content["guest_access"]?.stringValue != "can_join"
    }

    private func departures(of guests: [UserID], on head: inout RoomHeadState) throws -> [PDURecorded] {
        var facts: [PDURecorded] = []
        for guest in guests {
            guard let current = try head.held("m.room.member", guest.rawValue),
                current.pdu.content["membership"]?.stringValue == "join"
            else { continue }
            let leave = EventDraft(
                type: "m.room.member", stateKey: guest.rawValue,
                content: ["membership": "leave", "reason": "The room is no longer open to guests."],
                sender: guest, originServerTS: environment.nowMs())
            facts.append(try decider.decide(leave, on: &head).fact)
        }
        return facts
    }

    /// Sees to it that no guest is left in a room that may have been closed to them: by a redaction, by another server, or
    /// while a guest was on their way in.
    func dismissGuests(from room: RoomID, caller: Caller) async throws {
        let access = try rooms.currentState(room, type: "m.room.guest_access", stateKey: "")?.content()
        if access?["guest_access"]?.stringValue == "can_join" { return }
        for guest in try guests(in: room) {
            let leaver = Caller(userID: guest, deviceID: nil, requestID: caller.requestID)
            _ = try await inLane(room, caller: leaver) { head in
                let facts = try departures(of: [guest], on: &head)
                guard let eventID = facts.last.flatMap({ EventID($0.eventID) }) ?? head.forwardExtremities.first else {
                    throw Rejection.notFound("The room has no events.")
                }
                return RoomLane.Outcome(facts: facts, eventID: eventID)
            }
        }
    }
}
