import CanonicalJSON
import EventAuthorization
import MatrixEvents
import RoomVersions

extension TestRoom {
    /// New power levels by Bob, who has 50; `state` and `change` are differences from the levels of the room's beginning.
    mutating func newLevels(
        from state: JSONObject = [:], to change: JSONObject, without removed: String? = nil,
        by sender: String = TestRoom.bob
    ) throws -> Attempt {
        // Bob may send the event whatever the defaults are.
        let allowed: JSONObject = ["events": ["m.room.power_levels": 50]]
        let current = levels(allowed.merging(state))
        try set("m.room.power_levels", by: Self.alice, current)
        var content = current.merging(change)
        if let removed { content.removeValue(forKey: removed) }
        return try attempt("m.room.power_levels", "", by: sender, content)
    }

    /// The `users` of the room's beginning with changes.
    func users(_ changes: JSONObject) -> JSONValue {
        .object((levels()["users"]?.objectValue ?? [:]).merging(changes))
    }

    /// The `users` of the room's beginning without one.
    func users(without user: String, _ changes: JSONObject = [:]) -> JSONValue {
        var users = (levels()["users"]?.objectValue ?? [:]).merging(changes)
        users.removeValue(forKey: user)
        return .object(users)
    }
}

extension AuthCases {
    private static let properties = [
        "users_default", "events_default", "state_default", "ban", "redact", "kick", "invite",
    ]

    /// What is no integer, and can be in an event of a version that enforces canonical JSON.
    private static let noIntegers: [(String, JSONValue)] = [
        ("a string", "50"), ("null", .null), ("a boolean", true), ("a list", [50]), ("an object", [:]),
    ]

    static let powerLevelsFormat: [AuthCase] = integers + integerTables + userTable + creators + first

    private static let integers: [AuthCase] = properties.flatMap { property -> [AuthCase] in
        [accept("power-levels.integers", "\(property) is an integer") { try $0.newLevels(to: [property: 50]) }]
            + noIntegers.map { name, value in
                reject("power-levels.integers", "\(property) is \(name)") { try $0.newLevels(to: [property: value]) }
            }
    }

    private static let integerTables: [AuthCase] = ["events", "notifications"].flatMap { table -> [AuthCase] in
        let required: JSONObject = ["m.room.power_levels": 50]
        return [
            accept("power-levels.integer-tables", "\(table) is an object of integers") {
                try $0.newLevels(to: [table: .object(required.merging(["x": 50]))])
            },
            reject("power-levels.integer-tables", "\(table) is null") { try $0.newLevels(to: [table: .null]) },
            reject("power-levels.integer-tables", "\(table) is a list") { try $0.newLevels(to: [table: [50]]) },
        ]
            + noIntegers.map { name, value in
                reject("power-levels.integer-tables", "\(table) has \(name)") {
                    try $0.newLevels(to: [table: .object(required.merging(["x": value]))])
                }
            }
    }

    private static let userTable: [AuthCase] =
        [
            accept("power-levels.users", "user IDs and integers") {
                try $0.newLevels(to: ["users": $0.users([TestRoom.dave: 5])])
            },
            accept("power-levels.users", "a user ID that could not be made today") {
                try $0.newLevels(to: ["users": $0.users(["@Über Uns:EXAMPLE.org:80": -5])])
            },
            reject("power-levels.users", "null") { try $0.newLevels(to: ["users": .null]) },
            reject("power-levels.users", "a list") { try $0.newLevels(to: ["users": [.string(TestRoom.bob)]]) },
            reject("power-levels.users", "a key without a server") {
                try $0.newLevels(to: ["users": $0.users(["@x": 5])])
            },
            reject("power-levels.users", "a key without the sigil") {
                try $0.newLevels(to: ["users": $0.users(["x:y": 5])])
            },
            accept("power-levels.users", "strings that are integers", in: 1...9) {
                try $0.newLevels(to: ["users": $0.users([TestRoom.dave: "50", "@x:y": " -007\n", "@y:y": "+5"])])
            },
            reject("power-levels.users", "a string that is an integer", in: 10...12) {
                try $0.newLevels(to: ["users": $0.users([TestRoom.dave: "5"])])
            },
            accept("power-levels.users", "floats", in: 1...5) {
                try $0.newLevels(to: ["users": $0.users([TestRoom.dave: 50.57, "@x:y": -1e300])])
            },
        ]
        + ([
            ("null", .null), ("a boolean", true), ("a list", [5]), ("an empty string", ""), ("blanks", "  "),
            ("a word", "five"), ("a fraction in a string", "5.0"), ("an exponent in a string", "5e1"),
            ("two signs", "--5"), ("a blank behind the sign", "- 5"), ("a sign alone", "+"), ("hexadecimal", "0x10"),
            ("an underscore", "1_0"), ("other digits", "٥"),
        ] as [(String, JSONValue)]).map { name, value in
            reject("power-levels.users", "a level that is \(name)") {
                try $0.newLevels(to: ["users": $0.users([TestRoom.dave: value])])
            }
        }

    private static let creators: [AuthCase] = [
        accept("power-levels.creators", "no creator") { try $0.newLevels(to: ["users": $0.users([TestRoom.dave: 5])]) },
        accept("power-levels.creators", "who only the content calls creator") { room in
            try room.setCreate(["creator": .string(TestRoom.bob)])
            return try room.newLevels(to: [:])
        },
        reject("power-levels.creators", "the creator") { try $0.newLevels(to: ["users": [TestRoom.alice: 5]]) },
        reject("power-levels.creators", "the creator, by the creator, in the first power levels") { room in
            room.state.remove(type: "m.room.power_levels", stateKey: "")
            return try room.attempt("m.room.power_levels", "", by: TestRoom.alice, ["users": [TestRoom.alice: 100]])
        },
        reject("power-levels.creators", "an additional creator") { room in
            try room.setCreate(["additional_creators": [.string(TestRoom.dave)]])
            return try room.newLevels(to: ["users": room.users([TestRoom.dave: 5])])
        },
    ]

    private static let first: [AuthCase] = [
        accept("power-levels.first", "the creator may set anything") { room in
            room.state.remove(type: "m.room.power_levels", stateKey: "")
            let content: JSONObject = ["ban": 1000, "users": [TestRoom.bob: 1000], "events": ["x": 1000]]
            return try room.attempt("m.room.power_levels", "", by: TestRoom.alice, content)
        },
        accept("power-levels.first", "nothing in it") { room in
            room.state.remove(type: "m.room.power_levels", stateKey: "")
            return try room.attempt("m.room.power_levels", "", by: TestRoom.alice)
        },
        reject("power-levels.first", "when there are some", by: "power-levels.properties.new", in: 1...11) {
            try $0.attempt("m.room.power_levels", "", by: TestRoom.alice, $0.levels(["ban": 1000]))
        },
        reject("power-levels.first", "when there are some", by: "power-levels.properties.new", in: 12...12) {
            try $0.newLevels(to: ["ban": 1000])
        },
    ]

    static let powerLevelsProperties: [AuthCase] = properties.flatMap { property -> [AuthCase] in
        let current = "power-levels.properties.current"
        let new = "power-levels.properties.new"
        return [
            accept(current, "\(property): 50 changed") { try $0.newLevels(from: [property: 50], to: [property: 10]) },
            accept(current, "\(property): 50 removed") {
                try $0.newLevels(from: [property: 50], to: [:], without: property)
            },
            accept(current, "\(property): 60 kept") { try $0.newLevels(from: [property: 60], to: [property: 60]) },
            reject(current, "\(property): 60 changed") { try $0.newLevels(from: [property: 60], to: [property: 10]) },
            reject(current, "\(property): 60 removed") {
                try $0.newLevels(from: [property: 60], to: [:], without: property)
            },
            accept(current, "\(property): 60 written otherwise", in: 1...9) {
                try $0.newLevels(from: [property: 60], to: [property: " 060"])
            },
            accept(current, "\(property): 60 written as a float", in: 1...5) {
                try $0.newLevels(from: [property: "60"], to: [property: 60.9])
            },
            accept(new, "\(property): 50 added") { try $0.newLevels(to: [property: 50]) },
            accept(new, "\(property): a negative level") { try $0.newLevels(to: [property: -100]) },
            reject(new, "\(property): 51 added") { try $0.newLevels(to: [property: 51]) },
            reject(new, "\(property): changed to 51") { try $0.newLevels(from: [property: 0], to: [property: 51]) },
            reject(new, "\(property): a string of 51", in: 1...9) { try $0.newLevels(to: [property: "+51"]) },
            reject(new, "\(property): a string that no 64 bits hold", in: 1...9) {
                try $0.newLevels(to: [property: "99999999999999999999"], by: TestRoom.alice)
            },
            reject(new, "\(property): a float of 51", in: 1...5) { try $0.newLevels(to: [property: 5.1e1]) },
            reject(new, "\(property): a float that no 64 bits hold", in: 1...5) {
                try $0.newLevels(to: [property: 1e20], by: TestRoom.alice)
            },
        ]
    }
}
