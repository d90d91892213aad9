/// How the event ID of a room version is made.
package enum EventIDFormat: Sendable, Hashable {
    /// `$opaque_id:domain`, chosen by the sending server and carried in the event (v1, v2).
    case opaque
    /// `$` and the reference hash in unpadded Base64 (v3).
    case hashStandardBase64
    /// `$` and the reference hash in URL-safe unpadded Base64 (v4).
    case hashURLSafe
}

/// Which redaction algorithm a room version uses, named by the version that introduced it.
package enum RedactionRules: Sendable, Hashable {
    /// Keeps `aliases` of `m.room.aliases`.
    case v1
    /// "All significant meaning for `m.room.aliases` has been removed".
    case v6
    /// `m.room.join_rules` keeps `allow`.
    case v8
    /// `m.room.member` keeps `join_authorised_via_users_server`.
    case v9
    /// `origin`, `membership` and `prev_state` go; the create event keeps all of its content.
    case v11
}

/// The state resolution algorithm of a room version.
package enum StateResolution: Sendable, Hashable {
    /// The algorithm of v1.
    case v1
    /// The algorithm of v2.
    case v2
    /// The algorithm of v12: v2 begun from an empty state map, with the conflicted state subgraph.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    case v2_1
}
