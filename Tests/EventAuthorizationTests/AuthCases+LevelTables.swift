import CanonicalJSON
import EventAuthorization
import MatrixEvents
import RoomVersions

extension TestRoom {
    /// New power levels by Bob in which a table has other entries; his right to send them stays.
    fileprivate mutating func newTable(
        _ table: String, from old: JSONObject, to new: JSONObject
    ) throws -> Attempt {
        let kept: JSONObject = table == "events" ? ["m.room.power_levels": 50] : [:]
        return try newLevels(
            from: [table: .object(kept.merging(old))], to: [table: .object(kept.merging(new))])
    }
}

extension AuthCases {
    static let powerLevelsTables: [AuthCase] =
        ["events", "notifications"].flatMap { table -> [AuthCase] in
            let removed = "power-levels.events-removed.current"
            let added = "power-levels.events-added.new"
            // Until v5 the levels of notifications are nobody's business.
            let versions = table == "events" ? 1...12 : 6...12
            return [
                accept(removed, "\(table): 50 changed") { try $0.newTable(table, from: ["x": 50], to: ["x": 10]) },
                accept(removed, "\(table): 50 removed") { try $0.newTable(table, from: ["x": 50], to: [:]) },
                accept(removed, "\(table): 60 kept") { try $0.newTable(table, from: ["x": 60], to: ["x": 60]) },
                reject(removed, "\(table): 60 changed", in: versions) {
                    try $0.newTable(table, from: ["x": 60], to: ["x": 10])
                },
                reject(removed, "\(table): 60 removed", in: versions) {
                    try $0.newTable(table, from: ["x": 60], to: [:])
                },
                accept(removed, "\(table): 60 written otherwise", in: 1...9) {
                    try $0.newTable(table, from: ["x": 60], to: ["x": "60"])
                },
                accept(added, "\(table): 50 added") { try $0.newTable(table, from: [:], to: ["x": 50]) },
                accept(added, "\(table): changed to 50") { try $0.newTable(table, from: ["x": 10], to: ["x": 50]) },
                reject(added, "\(table): 51 added", in: versions) { try $0.newTable(table, from: [:], to: ["x": 51]) },
                reject(added, "\(table): changed to 51", in: versions) {
                    try $0.newTable(table, from: ["x": 10], to: ["x": 51])
                },
                reject(added, "\(table): a string of 51", in: versions.clamped(to: 1...9)) {
                    try $0.newTable(table, from: [:], to: ["x": "51"])
                },
            ]
        } + notificationsBeforeSix

    private static let notificationsBeforeSix: [AuthCase] = [
        accept("power-levels.events-removed.current", "notifications: 60 changed, before they counted", in: 1...5) {
            try $0.newTable("notifications", from: ["room": 60], to: ["room": 10])
        },
        accept("power-levels.events-added.new", "notifications: 51 added, before they counted", in: 1...5) {
            try $0.newTable("notifications", from: [:], to: ["room": 51])
        },
    ]

    static let powerLevelsUsers: [AuthCase] = [
        accept("power-levels.users-removed.current", "who has less") {
            try $0.newLevels(
                from: ["users": $0.users([TestRoom.dave: 49])], to: ["users": $0.users([TestRoom.dave: 0])])
        },
        accept("power-levels.users-removed.current", "who has less, removed") {
            try $0.newLevels(from: ["users": $0.users([TestRoom.dave: 49])], to: ["users": $0.users([:])])
        },
        accept("power-levels.users-removed.current", "oneself") {
            try $0.newLevels(to: ["users": $0.users([TestRoom.bob: 0])])
        },
        accept("power-levels.users-removed.current", "oneself, removed") {
            try $0.newLevels(to: ["users": $0.users(without: TestRoom.bob)])
        },
        accept("power-levels.users-removed.current", "who has the same and keeps it") {
            try $0.newLevels(
                from: ["users": $0.users([TestRoom.dave: 50])], to: ["users": $0.users([TestRoom.dave: 50])])
        },
        reject("power-levels.users-removed.current", "who has the same") {
            try $0.newLevels(
                from: ["users": $0.users([TestRoom.dave: 50])], to: ["users": $0.users([TestRoom.dave: 49])])
        },
        reject("power-levels.users-removed.current", "who has the same, removed") {
            try $0.newLevels(from: ["users": $0.users([TestRoom.dave: 50])], to: ["users": $0.users([:])])
        },
        reject("power-levels.users-removed.current", "who has more") {
            try $0.newLevels(
                from: ["users": $0.users([TestRoom.dave: 51])], to: ["users": $0.users([TestRoom.dave: 0])])
        },
        reject("power-levels.users-removed.current", "the creator", in: 1...11) {
            try $0.newLevels(to: ["users": $0.users([TestRoom.alice: 0])])
        },
        accept("power-levels.users-removed.current", "the highest level, by a creator", in: 12...12) {
            try $0.newLevels(
                from: ["users": $0.users([TestRoom.dave: 9_007_199_254_740_991])],
                to: ["users": $0.users([TestRoom.dave: 0])], by: TestRoom.alice)
        },
        accept("power-levels.users-added.new", "up to one's own level") {
            try $0.newLevels(to: ["users": $0.users([TestRoom.dave: 50])])
        },
        accept("power-levels.users-added.new", "a negative level") {
            try $0.newLevels(to: ["users": $0.users([TestRoom.dave: -9_007_199_254_740_991])])
        },
        accept("power-levels.users-added.new", "the highest level, by a creator", in: 12...12) {
            try $0.newLevels(to: ["users": $0.users([TestRoom.dave: 9_007_199_254_740_991])], by: TestRoom.alice)
        },
        reject("power-levels.users-added.new", "above one's own level") {
            try $0.newLevels(to: ["users": $0.users([TestRoom.dave: 51])])
        },
        reject("power-levels.users-added.new", "changed to above one's own level") {
            try $0.newLevels(
                from: ["users": $0.users([TestRoom.dave: 10])], to: ["users": $0.users([TestRoom.dave: 51])])
        },
        reject("power-levels.users-added.new", "oneself") {
            try $0.newLevels(to: ["users": $0.users([TestRoom.bob: 51])])
        },
        reject("power-levels.users-added.new", "a string that no 64 bits hold", in: 1...9) {
            try $0.newLevels(to: ["users": $0.users([TestRoom.dave: "9223372036854775808"])], by: TestRoom.alice)
        },
        reject("power-levels.users-added.new", "a float that no 64 bits hold", in: 1...5) {
            try $0.newLevels(to: ["users": $0.users([TestRoom.dave: 1e300])], by: TestRoom.alice)
        },
        accept("power-levels.otherwise", "nothing is changed") { try $0.newLevels(to: [:]) },
        accept("power-levels.otherwise", "further members mean nothing") {
            try $0.newLevels(to: ["org.example.level": "x", "historical": 1000])
        },
        reject("power-levels.otherwise", "what a rule above rejects", by: "power-levels.users-added.new") {
            try $0.newLevels(to: ["users": $0.users([TestRoom.dave: 51])])
        },
    ]
}
