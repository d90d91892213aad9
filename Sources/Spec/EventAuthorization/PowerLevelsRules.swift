internal import CanonicalJSON
internal import MatrixEvents
internal import MatrixIdentifiers
internal import RoomVersions

extension AuthorizationInput {
    private static var properties: [String] {
        ["users_default", "events_default", "state_default", "ban", "redact", "kick", "invite"]
    }

    /// The rules for `m.room.power_levels`.
    func checkPowerLevels(senderLevel: Int64) throws(AuthRejection) {
        let content = pdu.content
        try checkFormat(of: content)
        // "If there is no previous `m.room.power_levels` event in the room, allow."
        guard let current = state.authEvent(type: "m.room.power_levels", stateKey: "")?.content else { return }
        // "For the properties `users_default`, `events_default`, `state_default`, `ban`, `redact`, `kick`, `invite` check
        // if they were added, changed or removed. For each found alteration:"
        for property in Self.properties {
            let old = level(current[property])
            let new = level(content[property])
            guard old != new else { continue }
            // "If the current value is higher than the `sender`'s current power level, reject."
            if let old, old > senderLevel {
                throw reject(numbers.powerLevels(.properties, "1"), "\(property) is above the sender's power level")
            }
            // "If the new value is higher than the `sender`'s current power level, reject."
            if let new, new > senderLevel {
                throw reject(
                    numbers.powerLevels(.properties, "2"), "\(property) would be above the sender's power level")
            }
        }
        try checkTable("events", from: current, to: content, senderLevel: senderLevel)
        // v6 added `notifications` to these two rules.
        if version.notificationsPowerLevelAuth {
            try checkTable("notifications", from: current, to: content, senderLevel: senderLevel)
        }
        try checkUsers(from: current, to: content, senderLevel: senderLevel)
        // "Otherwise, allow."
    }

    private func checkFormat(of content: JSONObject) throws(AuthRejection) {
        if version.integerPowerLevelsOnly {
            // v10: "If any of the properties `users_default`, `events_default`, `state_default`, `ban`, `redact`, `kick`,
            // or `invite` in `content` are present and not an integer, reject."
            for property in Self.properties {
                if let value = content[property], value.integerValue == nil {
                    throw reject(numbers.powerLevels(.integers), "\(property) is not an integer")
                }
            }
            // v10: "If either of the properties `events` or `notifications` in `content` are present and not an object
            // with values that are integers, reject."
            for name in ["events", "notifications"] {
                guard let value = content[name] else { continue }
                guard let table = value.objectValue, table.allSatisfy({ $0.value.integerValue != nil }) else {
                    throw reject(numbers.powerLevels(.integerTables), "\(name) is not an object of integers")
                }
            }
        }
        // "If the `users` property in `content` is not an object with keys that are valid user IDs with values that are
        // integers (or a string that is an integer), reject." An absent `users` breaks nothing: it is optional.
        guard let value = content["users"] else { return }
        guard let users = value.objectValue else {
            throw reject(numbers.powerLevels(.users), "users is not an object")
        }
        for (userID, userLevel) in users {
            guard UserID(userID) != nil, level(userLevel) != nil else {
                throw reject(numbers.powerLevels(.users), "users is not an object of user IDs and integers")
            }
        }
        // v12: "If the `users` property in `content` contains the `sender` of the `m.room.create` event or any of the
        // `additional_creators` array (if present) from the `content` of the `m.room.create` event, reject."
        if version.privilegedCreators {
            let creators = RoomCreators(create: create, version: version)
            if creators.userIDs.contains(where: { users.contains($0.rawValue) }) {
                throw reject(numbers.powerLevels(.creators), "users names a creator of the room")
            }
        }
    }

    /// The rules for `events` and `notifications`.
    private func checkTable(
        _ name: String,
        from current: JSONObject,
        to content: JSONObject,
        senderLevel: Int64
    ) throws(AuthRejection) {
        let old = current[name]?.objectValue ?? JSONObject()
        let new = content[name]?.objectValue ?? JSONObject()
        // "For each entry being changed in, or removed from, the `events` or `notifications` properties: If the current
        // value is greater than the `sender`'s current power level, reject."
        for (key, value) in old {
            guard let oldLevel = level(value), oldLevel != level(new[key]) else { continue }
            if oldLevel > senderLevel {
                throw reject(
                    numbers.powerLevels(.eventsRemoved, "1"), "an entry of \(name) is above the sender's power level")
            }
        }
        // "For each entry being added to, or changed in, the `events` or `notifications` properties: If the new value is
        // greater than the `sender`'s current power level, reject."
        for (key, value) in new {
            guard let newLevel = level(value), newLevel != level(old[key]) else { continue }
            if newLevel > senderLevel {
                throw reject(
                    numbers.powerLevels(.eventsAdded, "1"),
                    "an entry of \(name) would be above the sender's power level")
            }
        }
    }

    private func checkUsers(
        from current: JSONObject,
        to content: JSONObject,
        senderLevel: Int64
    ) throws(AuthRejection) {
        let old = current["users"]?.objectValue ?? JSONObject()
        let new = content["users"]?.objectValue ?? JSONObject()
        // "For each entry being changed in, or removed from, the `users` property, other than the `sender`'s own entry: If
        // the current value is greater than or equal to the `sender`'s current power level, reject."
        for (userID, value) in old where !userID.hasSameBytes(as: pdu.sender.rawValue) {
            guard let oldLevel = level(value), oldLevel != level(new[userID]) else { continue }
            if oldLevel >= senderLevel {
                throw reject(
                    numbers.powerLevels(.usersRemoved, "1"), "a user of the sender's power level or above is changed")
            }
        }
        // "For each entry being added to, or changed in, the `users` property: If the new value is greater than the
        // `sender`'s current power level, reject."
        for (userID, value) in new {
            guard let newLevel = level(value), newLevel != level(old[userID]) else { continue }
            if newLevel > senderLevel {
                throw reject(numbers.powerLevels(.usersAdded, "1"), "a user would be above the sender's power level")
            }
        }
    }

    private func level(_ value: JSONValue?) -> Int64? {
        value.flatMap { PowerLevelValue.parse($0, version: version) }
    }
}
