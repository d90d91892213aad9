import CanonicalJSON
import EventAuthorization
import MatrixEvents
import MatrixIdentifiers
import RoomVersions

/// One event in one room that shows what a rule does, in all versions that have the rule.
///
/// The cases of a rule come in pairs that differ in one thing. What `accept` and `reject` mean depends on the rule: one that
/// rejects has events that it lets pass, and events that it rejects; one that allows has events that it allows, and events
/// that are like those but for its condition, so that a later rule, or for a plain "Otherwise, allow" an earlier one, rejects
/// them.
struct AuthCase: Sendable {
    /// The rule, by its name in the fixture `authorization-rules.tsv`.
    let rule: String
    /// The rule that must reject the event; nil when the event must be allowed.
    let decider: String?
    let title: String
    /// The versions in which the case holds, out of those that have the rule.
    let versions: ClosedRange<Int>
    /// Brings a new room into the state that is needed, and makes the event.
    let make: @Sendable (inout TestRoom) throws -> Attempt

    var accepts: Bool { decider == nil }
}

/// An event to be judged, with what the rules want to know about it.
struct Attempt {
    let pdu: PDU
    var createEventID: EventID?
    var authEvents: [ResolvedAuthEvent]?
    var isSignedByAuthoriser = true
}

/// An event that the rules allow.
func accept(
    _ rule: String,
    _ title: String,
    in versions: ClosedRange<Int> = 1...12,
    _ make: @escaping @Sendable (inout TestRoom) throws -> Attempt
) -> AuthCase {
    AuthCase(rule: rule, decider: nil, title: title, versions: versions, make: make)
}

/// An event that this rule, or with `by` another one, rejects.
func reject(
    _ rule: String,
    _ title: String,
    by decider: String? = nil,
    in versions: ClosedRange<Int> = 1...12,
    _ make: @escaping @Sendable (inout TestRoom) throws -> Attempt
) -> AuthCase {
    AuthCase(rule: rule, decider: decider ?? rule, title: title, versions: versions, make: make)
}

/// The cases of all rules.
enum AuthCases {
    static let all: [AuthCase] =
        create + authEvents + selection + general + requiredLevel + aliasesAndRedaction + join + restrictedJoin
        + invite + thirdPartyInvite + leave + ban + knock + powerLevelsFormat + powerLevelsProperties
        + powerLevelsTables
        + powerLevelsUsers
}

extension TestRoom {
    func attempt(
        _ type: String,
        _ stateKey: String? = nil,
        by sender: String,
        _ content: JSONObject = [:],
        with changes: JSONObject = [:]
    ) throws -> Attempt {
        Attempt(pdu: try event(type, stateKey, by: sender, content, with: changes))
    }

    /// A change of membership.
    func attempt(
        _ membership: String,
        of user: String,
        by sender: String,
        _ content: JSONObject = [:]
    ) throws -> Attempt {
        try attempt("m.room.member", user, by: sender, content.merging(["membership": .string(membership)]))
    }

    /// Changes the content of the create event.
    mutating func setCreate(_ changes: JSONObject) throws {
        let current = state.authEvent(type: "m.room.create", stateKey: "")?.content ?? [:]
        try set("m.room.create", by: Self.alice, current.merging(changes))
    }

    /// The verdict on an attempt, as the number of the rule that rejects it.
    func verdict(_ attempt: Attempt) throws -> String? {
        try verdict(
            attempt.pdu,
            createEventID: attempt.createEventID,
            authEvents: attempt.authEvents,
            isSignedByAuthoriser: attempt.isSignedByAuthoriser
        )
    }
}
