extension RoomVersion {
    /// The first version ever.
    package static let v1 = RoomVersion(first: "1")

    /// Changed only the state resolution algorithm.
    package static let v2 = v1.next("2") { $0.stateResolution = .v2 }

    /// Event IDs become hashes; redactions leave the authorisation rules.
    package static let v3 = v2.next("3") {
        $0.eventIDFormat = .hashStandardBase64
        $0.redactionAuth = false
    }

    /// Event IDs in URL-safe Base64.
    package static let v4 = v3.next("4") { $0.eventIDFormat = .hashURLSafe }

    /// Validity periods of signing keys.
    package static let v5 = v4.next("5") { $0.enforceSignatureExpiry = true }

    /// Canonical JSON is enforced; aliases lose their meaning; notification levels are authorised.
    package static let v6 = v5.next("6") {
        $0.strictCanonicalJSON = true
        $0.floatPowerLevels = false
        $0.maximumDepth = 9_007_199_254_740_991
        $0.redactionRules = .v6
        $0.aliasesSpecialAuth = false
        $0.notificationsPowerLevelAuth = true
    }

    /// Knocking.
    package static let v7 = v6.next("7") { $0.knock = true }

    /// Restricted joins.
    package static let v8 = v7.next("8") {
        $0.restrictedJoin = true
        $0.redactionRules = .v8
    }

    /// Redaction keeps `join_authorised_via_users_server`.
    package static let v9 = v8.next("9") { $0.redactionRules = .v9 }

    /// Power levels must be integers; `knock_restricted`.
    package static let v10 = v9.next("10") {
        $0.stringPowerLevels = false
        $0.integerPowerLevelsOnly = true
        $0.knockRestricted = true
    }

    /// Redaction rules made clear; `creator` removed; `redacts` moved into `content`.
    package static let v11 = v10.next("11") {
        $0.redactionRules = .v11
        $0.createWithoutCreator = true
        $0.redactsInContent = true
    }

    /// Room IDs are hashes of the create event; creators have infinite power; state resolution 2.1.
    package static let v12 = v11.next("12") {
        $0.stateResolution = .v2_1
        $0.roomIDIsCreateHash = true
        $0.privilegedCreators = true
        $0.createNotInAuthEvents = true
    }

    /// Every version the specification knows, oldest first.
    package static let all = [v1, v2, v3, v4, v5, v6, v7, v8, v9, v10, v11, v12]

    /// The versions to name as `stable` in `/capabilities`: every one of the specification is.
    package static let stable = all

    /// The versions in which this server creates rooms.
    package static let supported: Set<RoomVersion> = Set(all)

    /// The version that a create event without `room_version` has: "defaults to `"1"`".
    package static let implied = v1

    /// The version with this identifier, compared byte by byte; nil when it is not recognised.
    package static func named(_ id: String) -> RoomVersion? {
        all.first { $0.id.utf8.elementsEqual(id.utf8) }
    }
}
