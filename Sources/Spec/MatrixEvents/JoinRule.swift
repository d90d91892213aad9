package import CanonicalJSON

/// The `join_rule` of an `m.room.join_rules` event.
package enum JoinRule: String, Sendable, Hashable, CaseIterable {
    case `public`
    case knock
    case invite
    case `private`
    case restricted
    case knockRestricted = "knock_restricted"

    /// What the content of an `m.room.join_rules` event says; nil when it says nothing known.
    package init?(content: JSONObject) {
        guard let value = content["join_rule"]?.stringValue else { return nil }
        self.init(rawValue: value)
    }
}
