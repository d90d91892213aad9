package import CanonicalJSON

/// The `membership` of an `m.room.member` event.
package enum Membership: String, Sendable, Hashable, CaseIterable {
    case invite
    case join
    case knock
    case leave
    case ban

    /// What the content of an `m.room.member` event says; nil when it says nothing known.
    package init?(content: JSONObject) {
        guard let value = content["membership"]?.stringValue else { return nil }
        self.init(rawValue: value)
    }
}
