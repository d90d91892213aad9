import Foundation
import RoomVersions

/// The rules as the pages of the room versions number them, from the fixture `authorization-rules.tsv`.
///
/// The fixture was taken from the specification (v1.19), not from the code. It has a line for each rule that says something by
/// itself; a heading such as "If type is `m.room.member`:" is part of the numbers below it.
struct AuthRulePages: Sendable {
    struct Rule: Sendable {
        let name: String
        let sentence: String
        /// By version; nil where the version does not have the rule.
        let numbers: [String?]

        func number(in version: Int) -> String? { numbers[version - 1] }
        /// Whether the rule itself rejects events.
        var rejects: Bool { sentence.lowercased().contains("reject.") || sentence.contains("if and only if") }
    }

    let rules: [Rule]
    private let byName: [String: Rule]

    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    init() throws {
        let file = Self.root.appendingPathComponent("fixtures/versions/authorization-rules.tsv")
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n").dropFirst()
        rules = lines.map { line in
            let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
            let numbers = fields[1...12].map { $0 == "-" ? nil : $0 }
            return Rule(name: fields[0], sentence: fields[13], numbers: numbers)
        }
        byName = Dictionary(uniqueKeysWithValues: rules.map { ($0.name, $0) })
    }

    func number(of name: String, in version: Int) -> String? { byName[name]?.number(in: version) }

    /// Whether the case is one of this version.
    func has(_ testCase: AuthCase, in version: Int) -> Bool {
        testCase.versions.contains(version) && number(of: testCase.rule, in: version) != nil
    }
}
