internal import MatrixEvents
internal import MatrixIdentifiers
internal import RoomVersions

/// One event and all that the rules may look at.
///
/// The rules of each event type are extensions of this type, in a file of their own.
struct AuthorizationInput {
    let pdu: PDU
    let eventID: EventID
    let version: RoomVersion
    let state: any AuthStateReader
    /// The create event of the state; absent only while the create event itself is judged.
    let create: PDU
    let createEventID: EventID?
    let isSignedByAuthoriser: Bool
    let levels: PowerLevels
    let numbers: AuthRuleNumbers

    var senderLevel: Int64 { levels.level(of: pdu.sender) }

    /// A user's membership in the state; nil when the user has none.
    func membership(of userID: String) -> Membership? {
        state.membership(of: userID)
    }

    func reject(_ rule: String, _ reason: String) -> AuthRejection { AuthRejection(rule: rule, reason: reason) }
}
