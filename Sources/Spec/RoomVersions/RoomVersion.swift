/// One room version of the Matrix specification, as data.
///
/// Every version is written as a difference from the one before it (`RoomVersion+All.swift`), in the way the
/// specification's own pages are written. Code that depends on the version asks for a named rule
/// (`version.privilegedCreators`) and never compares version numbers.
package struct RoomVersion: Sendable {
    /// The identifier in `m.room.create`, such as `"12"`.
    package fileprivate(set) var id: String
    /// Position in `RoomVersion.all`, used for cheap equality.
    fileprivate var ordinal: UInt8

    /// How event IDs are made ("Event IDs" of each version).
    package internal(set) var eventIDFormat = EventIDFormat.opaque
    /// "Servers MUST strictly enforce the JSON format specified in the appendices" (v6).
    package internal(set) var strictCanonicalJSON = false
    /// The largest legal `depth`: 2^63 - 1, from v6 2^53 - 1 ("Event format").
    package internal(set) var maximumDepth = Int64.max
    /// Which keys survive redaction ("Redactions").
    package internal(set) var redactionRules = RedactionRules.v1
    /// "servers MUST enforce the `valid_until_ts` property" when validating event signatures (v5).
    package internal(set) var enforceSignatureExpiry = false
    /// The state resolution algorithm.
    package internal(set) var stateResolution = StateResolution.v1

    /// "`m.room.power_levels` events accept values as strings" (until v9).
    package internal(set) var stringPowerLevels = true
    /// "`m.room.power_levels` events accept values as floats" (until v5, where canonical JSON was not enforced).
    package internal(set) var floatPowerLevels = true
    /// Rules 9.1 and 9.2 of v10: every level must be an integer.
    package internal(set) var integerPowerLevelsOnly = false
    /// `notifications` is checked beside `events` by the rules for `m.room.power_levels` (v6).
    package internal(set) var notificationsPowerLevelAuth = false

    /// Rule 11 of v1 and v2: a redaction is authorised by power level or by the domain of the event IDs.
    package internal(set) var redactionAuth = true
    /// Rule 4 of v1 to v5, specific to `m.room.aliases`.
    package internal(set) var aliasesSpecialAuth = true
    /// `knock` membership and the `knock` join rule (v7).
    package internal(set) var knock = false
    /// The `restricted` join rule and `join_authorised_via_users_server` (v8).
    package internal(set) var restrictedJoin = false
    /// The `knock_restricted` join rule (v10).
    package internal(set) var knockRestricted = false

    /// `m.room.create` has no `creator` property; the creator is its `sender` (v11).
    package internal(set) var createWithoutCreator = false
    /// `redacts` of `m.room.redaction` lives in `content`, not on the top level (v11).
    package internal(set) var redactsInContent = false

    /// The room ID is the event ID of the create event with sigil `!` (v12).
    package internal(set) var roomIDIsCreateHash = false
    /// Room creators have infinite power and `additional_creators` exists (v12).
    package internal(set) var privilegedCreators = false
    /// "`m.room.create` MUST NOT be selected" for `auth_events` (v12).
    package internal(set) var createNotInAuthEvents = false

    /// The first version, from which the others differ.
    init(first id: String) {
        self.id = id
        self.ordinal = 1
    }

    /// The version after this one: the same rules with `change` applied.
    func next(_ id: String, _ change: (inout RoomVersion) -> Void) -> RoomVersion {
        var version = self
        version.id = id
        version.ordinal &+= 1
        change(&version)
        return version
    }
}

extension RoomVersion: Hashable {
    package static func == (left: RoomVersion, right: RoomVersion) -> Bool { left.ordinal == right.ordinal }

    package func hash(into hasher: inout Hasher) { hasher.combine(ordinal) }
}

extension RoomVersion: CustomStringConvertible {
    package var description: String { id }
}
