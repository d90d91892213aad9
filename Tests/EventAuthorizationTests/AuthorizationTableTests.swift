import CanonicalJSON
import EventAuthorization
import Foundation
import MatrixEvents
import RoomVersions
import Testing

/// Every rule of every room version accepts what it should and rejects what it should.
@Suite struct AuthorizationTableTests {
    private let pages: AuthRulePages

    init() throws { pages = try AuthRulePages() }

    @Test(arguments: 1...12)
    func everyCaseEndsAsItsRuleSays(version: Int) throws {
        let new = try TestRoom(RoomVersion.all[version - 1])
        for testCase in AuthCases.all where pages.has(testCase, in: version) {
            var room = new
            let attempt = try testCase.make(&room)
            let verdict = try room.verdict(attempt)
            let comment: Comment = "v\(version) \(testCase.rule): \(testCase.title)"
            let expected = testCase.decider.flatMap { pages.number(of: $0, in: version) }
            #expect(verdict == expected, comment)
            // A rule that decides exists in the version.
            #expect(testCase.accepts == (expected == nil), comment)
        }
    }

    @Test func everyCaseIsOfARuleAndHasATitleOfItsOwn() {
        let names = Set(pages.rules.map(\.name))
        var seen: Set<String> = []
        for testCase in AuthCases.all {
            #expect(names.contains(testCase.rule), "\(testCase.rule)")
            #expect((1...12).contains { pages.has(testCase, in: $0) }, "\(testCase.rule): \(testCase.title)")
            let title = "\(testCase.rule) \(testCase.accepts) \(testCase.versions) \(testCase.title)"
            #expect(seen.insert(title).inserted, "\(title)")
        }
    }

    @Test func noCellIsEmpty() {
        for rule in pages.rules {
            for version in 1...12 where rule.number(in: version) != nil {
                let count = count(rule, version)
                #expect(count.accepted > 0, "nothing accepted: v\(version) \(rule.name)")
                #expect(count.rejected > 0, "nothing rejected: v\(version) \(rule.name)")
                // A rule that rejects is seen to do it itself.
                let decides = AuthCases.all.contains { $0.decider == rule.name && pages.has($0, in: version) }
                #expect(decides == rule.rejects, "v\(version) \(rule.name)")
            }
        }
    }

    /// With `ENGRAM_WRITE_TABLES=1` the document is written anew.
    @Test func theDocumentShowsTheTable() throws {
        let file = AuthRulePages.root.appendingPathComponent("docs/room-versions.md")
        let document = try String(contentsOf: file, encoding: .utf8)
        let begin = "<!-- rules: written by AuthorizationTableTests -->\n"
        let end = "<!-- end of rules -->"
        let start = try #require(document.range(of: begin))
        let stop = try #require(document.range(of: end))
        let table = table()
        if ProcessInfo.processInfo.environment["ENGRAM_WRITE_TABLES"] != nil {
            let changed = document[..<start.upperBound] + table + document[stop.lowerBound...]
            try String(changed).write(to: file, atomically: true, encoding: .utf8)
        } else {
            #expect(document[start.upperBound..<stop.lowerBound] == table, "run with ENGRAM_WRITE_TABLES=1")
        }
    }

    private func count(_ rule: AuthRulePages.Rule, _ version: Int) -> (accepted: Int, rejected: Int) {
        let cases = AuthCases.all.filter { $0.rule == rule.name && pages.has($0, in: version) }
        let accepted = cases.count(where: \.accepts)
        return (accepted, cases.count - accepted)
    }

    private func table() -> String {
        var lines: [String] = []
        var cells = 0
        var checks = (accepted: 0, rejected: 0)
        for rule in pages.rules {
            var columns: [String] = []
            for version in 1...12 {
                guard let number = rule.number(in: version) else {
                    columns.append("")
                    continue
                }
                let count = count(rule, version)
                columns.append("\(number) \(count.accepted)/\(count.rejected)")
                cells += 2
                checks.accepted += count.accepted
                checks.rejected += count.rejected
            }
            lines.append("| `\(rule.name)` | " + columns.joined(separator: " | ") + " |")
        }
        let header = "| rule | " + (1...12).map { "v\($0)" }.joined(separator: " | ") + " |"
        let rows = [header, "|---|" + String(repeating: "---|", count: 12)] + lines
        return """
            \(pages.rules.count) rules, \(cells) cells (rule, version, accepted or rejected), none empty. \(AuthCases.all.count)
            cases, each checked in every version that has its rule: \(checks.accepted) times that an event is accepted,
            \(checks.rejected) times that it is rejected, by the rule with the right number.

            \(rows.joined(separator: "\n"))

            """
    }
}
