import CanonicalJSON
import EventAuthorization
import MatrixEvents
import RoomVersions

extension AuthCases {
    /// Which entries of the state may be in `auth_events`.
    static let selection: [AuthCase] = [
        accept("auth-events.selection", "levels and membership of the sender") { room in
            try room.message(naming: [room.namedLevels, room.bobsMembership])
        },
        accept("auth-events.selection", "fewer than are selected") { room in try room.message(naming: []) },
        reject("auth-events.selection", "another user's membership") { room in
            try room.message(naming: [room.bobsMembership, room.named("m.room.member", TestRoom.carol)])
        },
        reject("auth-events.selection", "the join rules, for a message") { room in
            try room.message(naming: [room.named("m.room.join_rules", "")])
        },
        reject("auth-events.selection", "a state event that authorises nothing") { room in
            try room.message(naming: [room.named("m.room.name", "")])
        },
        reject("auth-events.selection", "an event that is no state event") { room in
            try room.message(naming: [room.named("m.room.power_levels", nil)])
        },
        reject("auth-events.selection", "power levels with a state key") { room in
            try room.message(naming: [room.named("m.room.power_levels", "x")])
        },
        reject("auth-events.selection", "the create event", in: 12...12) { room in
            try room.message(naming: [room.named("m.room.create", ""), room.bobsMembership])
        },
        accept("auth-events.selection", "the target of an invite and the join rules") { room in
            try room.membership(
                "invite", of: TestRoom.dave, by: TestRoom.bob,
                naming: [
                    room.bobsMembership, room.named("m.room.member", TestRoom.dave),
                    room.named("m.room.join_rules", ""),
                ])
        },
        accept("auth-events.selection", "the target of a kick") { room in
            try room.membership(
                "leave", of: TestRoom.carol, by: TestRoom.bob,
                naming: [room.bobsMembership, room.named("m.room.member", TestRoom.carol)])
        },
        reject("auth-events.selection", "the join rules, for a kick") { room in
            try room.membership(
                "leave", of: TestRoom.carol, by: TestRoom.bob,
                naming: [room.bobsMembership, room.named("m.room.join_rules", "")])
        },
        accept("auth-events.selection", "the join rules, for a knock", in: 7...12) { room in
            try room.setJoinRule("knock")
            return try room.membership(
                "knock", of: TestRoom.dave, by: TestRoom.dave, naming: [room.named("m.room.join_rules", "")])
        },
        reject("auth-events.selection", "the membership of the state key, for another type") { room in
            var result = try room.attempt("org.example.status", TestRoom.carol, by: TestRoom.bob)
            result.authEvents = room.named([room.named("m.room.member", TestRoom.carol)])
            return result
        },
        accept("auth-events.selection", "the third-party invite of the token") { room in
            let invite = ThirdPartyToken()
            try invite.publish(in: &room)
            return try room.membership(
                "invite", of: TestRoom.dave, by: TestRoom.bob, invite.content(),
                naming: [room.bobsMembership, room.named("m.room.third_party_invite", "t")])
        },
        reject("auth-events.selection", "the third-party invite, but not for an invite") { room in
            let invite = ThirdPartyToken()
            try invite.publish(in: &room)
            return try room.membership(
                "ban", of: TestRoom.dave, by: TestRoom.bob, invite.content(),
                naming: [room.bobsMembership, room.named("m.room.third_party_invite", "t")])
        },
        reject("auth-events.selection", "the third-party invite of another token") { room in
            let invite = ThirdPartyToken()
            try invite.publish(in: &room)
            return try room.membership(
                "invite", of: TestRoom.dave, by: TestRoom.bob, invite.content(),
                naming: [room.bobsMembership, room.named("m.room.third_party_invite", "u")])
        },
        accept("auth-events.selection", "the member that authorises a join", in: 8...12) { room in
            try room.setJoinRule("restricted")
            return try room.membership(
                "join", of: TestRoom.dave, by: TestRoom.dave,
                ["join_authorised_via_users_server": .string(TestRoom.bob)],
                naming: [room.named("m.room.join_rules", ""), room.bobsMembership])
        },
        reject("auth-events.selection", "the member that would authorise a join", in: 1...7) { room in
            try room.setJoinRule("public")
            return try room.membership(
                "join", of: TestRoom.dave, by: TestRoom.dave,
                ["join_authorised_via_users_server": .string(TestRoom.bob)],
                naming: [room.named("m.room.join_rules", ""), room.bobsMembership])
        },
        reject("auth-events.selection", "the member that authorises, but not for a join", in: 8...12) { room in
            try room.membership(
                "leave", of: TestRoom.bob, by: TestRoom.bob,
                ["join_authorised_via_users_server": .string(TestRoom.carol)],
                naming: [room.bobsMembership, room.named("m.room.member", TestRoom.carol)])
        },
        reject("auth-events.selection", "another member than the one that authorises a join", in: 8...12) { room in
            try room.setJoinRule("restricted")
            return try room.membership(
                "join", of: TestRoom.dave, by: TestRoom.dave,
                ["join_authorised_via_users_server": .string(TestRoom.bob)],
                naming: [room.named("m.room.join_rules", ""), room.named("m.room.member", TestRoom.carol)])
        },
    ]
}
